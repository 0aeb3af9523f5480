//! A run as one page that needs nothing else: implementations side by side.

use maud::{html, Markup, PreEscaped, DOCTYPE};

use super::outcome::Kind;
use super::report::{Column, Counts, Report, Row};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub fn page(report: &Report) -> String {
    let checks = report.checks();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "OpenCL conformance: shared virtual memory" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "What the specification says, and who does it" }
                    p {
                        "Each row is one statement of the OpenCL specification, checked where a crash harms nobody. "
                        b { (checks.len()) } " checks, " b { (report.columns.len()) } " implementations. "
                        "Click a statement for what was expected and what was seen."
                    }
                }
                section.cards { @for column in &report.columns { (card(column)) } }
                (filters())
                table {
                    thead { tr {
                        th { "statement" }
                        @for column in &report.columns {
                            th.result scope="col" {
                                (column.name)
                                @if column.recorded { span.small { "recorded" } }
                            }
                        }
                    } }
                    @for group in groups(&checks) { (body(report, group)) }
                }
                p #none hidden { "No row matches." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Rows that stand together, with the group's name.
fn groups<'a>(checks: &'a [&'a Row]) -> impl Iterator<Item = &'a [&'a Row]> {
    checks.chunk_by(|one, other| one.group() == other.group())
}

/// The class of a kind of outcome in the style sheet.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::NotApplicable => "na",
        other => other.word(),
    }
}

fn card(column: &Column) -> Markup {
    let identity = &column.identity;
    let counts = column.counts(None);
    html! {
        article {
            h2 { (column.name) }
            p { (identity.device) }
            p.small { (identity.platform) " · " (identity.device_version.trim()) " · driver " (identity.driver_version) }
            (bar(&counts))
            p.counts {
                @for (kind, count) in &counts {
                    span class=(class(*kind)) { b { (count) } " " (kind.word()) }
                }
            }
            p.small { (identity.svm.join(", ")) }
            p.small {
                @if column.recorded { b { "not run here: recorded on " (column.date) } }
                @else { "run on " (column.date) }
                @if !column.machine.is_empty() { ", " (column.machine) }
            }
        }
    }
}

fn bar(counts: &Counts) -> Markup {
    html! {
        div.bar {
            @for (kind, count) in counts {
                i class=(class(*kind)) style={ "flex-grow:" (count) } title={ (count) " " (kind.word()) } {}
            }
        }
    }
}

fn filters() -> Markup {
    html! {
        form #filters {
            input #text type="search" placeholder="Filter by name, statement or section" aria-label="Filter";
            @for kind in Kind::ALL {
                label class=(class(kind)) {
                    input type="checkbox" name="kind" value=(class(kind)) checked;
                    (kind.word())
                }
            }
            label { input #differences type="checkbox"; "only where they differ" }
            output #shown {}
        }
    }
}

fn body(report: &Report, rows: &[&Row]) -> Markup {
    let group = rows.first().map_or("", |row| row.group());
    html! {
        tbody {
            tr.group {
                th scope="rowgroup" { (group) }
                @for column in &report.columns {
                    td.result { (bar(&column.counts(Some(group)))) }
                }
            }
            @for row in rows { (line(report, row)) }
        }
    }
}

fn line(report: &Report, check: &Row) -> Markup {
    let found = || {
        report
            .columns
            .iter()
            .map(|column| (column, column.row(&check.name)))
    };
    let kinds: Vec<&str> = found()
        .filter_map(|(_, row)| row.map(|row| class(row.outcome.kind())))
        .collect();
    html! {
        tr.check data-name=(check.name) data-kinds=(kinds.join(" ")) {
            td {
                details {
                    summary {
                        span.statement { (check.statement) }
                        span.name { (check.name) " · §" (check.section) }
                    }
                    dl { @for (column, row) in found() { @if let Some(row) = row { (seen(column, row)) } } }
                }
            }
            @for (_, row) in found() {
                td.result {
                    @if let Some(row) = row {
                        span.mark.(class(row.outcome.kind())) { (row.outcome.kind().word()) }
                    } @else { "–" }
                }
            }
        }
    }
}

fn seen(column: &Column, row: &Row) -> Markup {
    let seen = row.seen();
    html! {
        dt { (column.name) }
        dd {
            span.mark.(class(row.outcome.kind())) { (row.outcome.kind().word()) }
            @if !column.recorded { " " span.small { (row.milliseconds) " ms" } }
            @if let Some(expected) = row.outcome.expected() { p { b { "expected " } (expected) } }
            @if !seen.is_empty() { p { b { "seen " } span.seen { (seen) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn every_row_is_on_the_page_and_nothing_escapes_its_place() {
        let report = report();
        let text = page(&report);
        for row in report.columns.iter().flat_map(|column| &column.rows) {
            assert!(
                text.contains(&format!("{} · §5.6.1", row.name)),
                "{}",
                row.name
            );
        }
        assert_eq!(text.matches("<tr class=\"check\"").count(), 5);
        assert_eq!(text.matches("<article>").count(), 2);
        assert!(text.contains("6 &lt; 7") && !text.contains("6 < 7"));
        assert!(text.contains("What a/first says &lt;&amp;&gt; holds."));
        assert!(text.contains("data-kinds=\"pass na\""));
        assert!(
            !text.contains("http"),
            "the page must need nothing from elsewhere"
        );
    }
}
