//! Which checks to run.

use super::Check;
use crate::checks::GROUPS;

/// The checks whose names match one of the filters, in one of the groups; an empty list matches
/// everything.
///
/// # Errors
/// When there is no group of a name, or no check is left.
pub fn select(filters: &[String], groups: &[String]) -> Result<Vec<&'static Check>, String> {
    let known = |name: &String| GROUPS.iter().any(|group| group.name == name);
    if let Some(name) = groups.iter().find(|name| !known(name)) {
        let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        return Err(format!(
            "there is no group {name}; there are {}",
            names.join(", ")
        ));
    }
    let in_groups = |name: &str| groups.is_empty() || groups.iter().any(|group| group == name);
    let matching =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| matches(filter, name));
    let selected: Vec<&Check> = GROUPS
        .iter()
        .filter(|group| in_groups(group.name))
        .flat_map(|group| group.checks)
        .filter(|check| matching(check.name))
        .collect();
    if selected.is_empty() {
        return Err("no check has such a name (--list shows them)".into());
    }
    Ok(selected)
}

/// Whether a name matches a filter: a part of it, or, with `*`, all of it.
fn matches(filter: &str, name: &str) -> bool {
    let mut parts = filter.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return name.contains(filter);
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_part_of_the_name_or_a_pattern_of_all_of_it() {
        let name = "allocation/size-zero";
        for filter in ["size", "allocation/", "*", "alloc*zero", "*size*", "a*/s*o"] {
            assert!(matches(filter, name), "{filter}");
        }
        for filter in ["free", "size*", "*size", "alloc*one", "a*z*z"] {
            assert!(!matches(filter, name), "{filter}");
        }
    }

    #[test]
    fn groups_and_filters_narrow_each_other() {
        let all = select(&[], &[]).unwrap();
        let group = select(&[], &["free".into()]).unwrap();
        assert!(!group.is_empty() && group.len() < all.len());
        assert!(group.iter().all(|check| check.group() == "free"));
        assert!(select(&["allocation/".into()], &["free".into()]).is_err());
        assert!(select(&[], &["fre".into()]).unwrap_err().contains("free"));
    }
}
