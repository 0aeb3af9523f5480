//! The checks, a table for each group.

use crate::check::{Check, Group};

mod address_identity;
mod alignment;
mod allocation;
mod buffers_over_svm;
mod bytes;
mod capabilities;
mod coarse_grained_rules;
mod consistency;
mod contexts;
mod devices;
mod enqueue_free;
mod enqueue_free_callback;
mod enqueue_free_order;
mod enqueue_map;
mod enqueue_memcpy;
mod enqueue_memfill;
mod enqueue_migrate;
mod enqueue_unmap;
mod events;
mod exec_info;
pub mod fork_and_exit;
mod free;
mod guard;
mod kernel_arguments;
mod limits;
mod mapped;
mod queue_points;
mod queues;
mod sub_buffers;
mod svm_command;
mod synchronization_points;
mod threads;
mod unified_svm;

/// Every group, in the order in which they run.
pub const GROUPS: &[Group] = &[
    capabilities::GROUP,
    allocation::GROUP,
    alignment::GROUP,
    free::GROUP,
    enqueue_free::GROUP,
    enqueue_free_order::GROUP,
    enqueue_free_callback::GROUP,
    address_identity::GROUP,
    guard::GROUP,
    buffers_over_svm::GROUP,
    sub_buffers::GROUP,
    enqueue_memcpy::GROUP,
    enqueue_memfill::GROUP,
    enqueue_map::GROUP,
    enqueue_unmap::GROUP,
    enqueue_migrate::GROUP,
    consistency::GROUP,
    synchronization_points::GROUP,
    queues::GROUP,
    coarse_grained_rules::GROUP,
    events::GROUP,
    kernel_arguments::GROUP,
    exec_info::GROUP,
    contexts::GROUP,
    devices::GROUP,
    threads::GROUP,
    limits::GROUP,
    unified_svm::types::GROUP,
    unified_svm::capabilities::GROUP,
    unified_svm::allocation::GROUP,
    unified_svm::allocation_properties::GROUP,
    unified_svm::free::GROUP,
    unified_svm::pointer_info::GROUP,
    unified_svm::suggested_type::GROUP,
    unified_svm::commands::GROUP,
    unified_svm::kernels::GROUP,
    fork_and_exit::GROUP,
];

/// The check of this name.
pub fn find(name: &str) -> Option<&'static Check> {
    let checks = GROUPS.iter().flat_map(|group| group.checks);
    checks.into_iter().find(|check| check.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_their_group() {
        let mut names = BTreeSet::new();
        for group in GROUPS {
            for check in group.checks {
                assert!(names.insert(check.name), "{} stands twice", check.name);
                assert_eq!(check.group(), group.name, "{}", check.name);
                let short = check.name.strip_prefix(group.name).unwrap_or_default();
                let short = short.strip_prefix('/').unwrap_or_default();
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(
                    !short.is_empty() && short.chars().all(plain),
                    "{}",
                    check.name
                );
            }
        }
    }

    #[test]
    fn statements_are_sentences_and_sections_are_numbers() {
        for check in GROUPS.iter().flat_map(|group| group.checks) {
            let statement = check.statement;
            let begins_well =
                statement.starts_with(|c: char| c.is_uppercase()) || statement.starts_with("cl");
            assert!(begins_well && statement.ends_with('.'), "{}", check.name);
            let number = |part: &str| part.parse::<u8>().is_ok();
            let (chapter, rest) = check.section.split_once('.').unwrap_or_default();
            let appendix = chapter.len() == 1 && chapter.starts_with(|c: char| c.is_uppercase());
            assert!(
                (number(chapter) || appendix) && rest.split('.').all(number),
                "{}: {}",
                check.name,
                check.section
            );
        }
    }

    #[test]
    fn every_check_is_found_by_its_name() {
        for check in GROUPS.iter().flat_map(|group| group.checks) {
            assert_eq!(find(check.name).map(|found| found.name), Some(check.name));
        }
        assert!(find("allocation/nothing-like-it").is_none());
    }
}
