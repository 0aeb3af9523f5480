//! The page as its readers see it: in a browser without a window, which clicks and types.
//!
//! The page is made of two runs with every kind of outcome, so that what it must show is known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use isocl_conformance::check::html;
use isocl_conformance::check::implementation::Identity;
use isocl_conformance::check::report::{Column, Report, Row};
use isocl_conformance::check::Outcome;
use isocl_conformance::temporary_folder::TemporaryFolder;
use serde_json::Value;

/// Programs that are such a browser.
const BROWSERS: &[&str] = &["chromium-headless-shell", "chromium"];

/// What a test adds to the page: helpers of its own script.
const HELPERS: &str = "
    const rows = () => [...document.querySelectorAll('tr.check')];
    const seen = (element) => element.checkVisibility();
    const visible = () => rows().filter(seen).map((row) => row.dataset.name);
    const click = (selector) => document.querySelector(selector).click();
    const type = (words) => {
        const field = document.getElementById('text');
        field.value = words;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    };
    const row = (name) => document.querySelector(`tr[data-name='${name}']`);
";

fn row(name: &str, outcome: Outcome) -> Row {
    Row {
        name: name.into(),
        section: "5.6.1".into(),
        statement: format!("What {name} <says> holds."),
        outcome,
        note: None,
        milliseconds: 3,
    }
}

fn column(name: &str, recorded: bool, rows: Vec<Row>) -> Column {
    Column {
        name: name.into(),
        identity: Identity {
            device: format!("device of {name}"),
            ..Identity::default()
        },
        date: "2026-11-21".into(),
        machine: "2 × Fast One".into(),
        recorded,
        rows,
    }
}

fn page() -> String {
    let hang = Outcome::Hang { seconds: 10 };
    html::page(&Report {
        columns: vec![
            column(
                "first",
                false,
                vec![
                    row("alpha/good", Outcome::Pass),
                    row("alpha/wrong", Outcome::fail("4 & 5", "<b>6</b> < 7")),
                    row("beta/stuck", hang),
                ],
            ),
            column(
                "second",
                true,
                vec![
                    row("alpha/good", Outcome::Pass),
                    row("alpha/wrong", Outcome::Pass),
                    row("beta/stuck", Outcome::not_applicable("without it")),
                    row("beta/open", Outcome::informative("either")),
                ],
            ),
        ],
    })
}

fn browse(file: &Path, fragment: &str) -> Output {
    let profile = file.with_extension("profile");
    Command::new(browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}#{fragment}", file.display()))
        .output()
        .unwrap()
}

fn browser() -> &'static str {
    let runs = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let found = BROWSERS.iter().copied().find(runs);
    found.unwrap_or_else(|| {
        panic!(
            "run the tests with `make test`, which installs {}",
            BROWSERS[0]
        )
    })
}

/// What the browser says of scripts that fail.
fn complaints(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter(|line| line.contains("CONSOLE"));
    lines.map(str::to_owned).collect()
}

/// What a script finds on the page, opened with a fragment of an address: the value that it gives.
fn found(fragment: &str, script: &str) -> Value {
    let folder = TemporaryFolder::new().unwrap();
    let file = folder.path().join("page.html");
    let whole = format!(
        "{}<pre id=\"found\"></pre><script>{HELPERS}
        document.getElementById('found').textContent = JSON.stringify((() => {{ {script} }})());
        </script>",
        page()
    );
    std::fs::write(&file, whole).unwrap();
    let output = browse(&file, fragment);
    assert_eq!(complaints(&output), Vec::<String>::new());
    let text = String::from_utf8_lossy(&output.stdout);
    let begin = text.find("<pre id=\"found\">").expect("the page is there") + 16;
    let end = begin + text[begin..].find("</pre>").unwrap();
    let json = text[begin..end].replace("&lt;", "<").replace("&gt;", ">");
    serde_json::from_str(&json.replace("&amp;", "&")).expect(&json)
}

fn assert_found(fragment: &str, script: &str, expected: &Value) {
    assert_eq!(found(fragment, script), *expected, "#{fragment}: {script}");
}

#[test]
fn every_implementation_has_a_card_and_a_column() {
    assert_found(
        "",
        "return {
            heads: [...document.querySelectorAll('thead th')].map((head) => head.innerText),
            cards: [...document.querySelectorAll('article')].map((card) => card.innerText.includes('recorded on 2026-11-21')),
            marks: rows().map((row) => [...row.querySelectorAll('td.result')].map((cell) => cell.innerText)),
            visible: visible(),
        }",
        &serde_json::json!({
            "heads": ["statement", "first", "second\nrecorded"],
            "cards": [false, true],
            "marks": [["pass", "pass"], ["fail", "pass"], ["hang", "n.a."], ["–", "info"]],
            "visible": ["alpha/good", "alpha/wrong", "beta/stuck", "beta/open"],
        }),
    );
}

#[test]
fn the_filter_hides_rows() {
    assert_found(
        "",
        "const steps = [];
        click('input[value=pass]'); steps.push(visible());
        click('input[value=pass]'); type('ALPHA wrong'); steps.push(visible());
        type('nothing like it'); steps.push(visible(), seen(document.getElementById('none')));
        type(''); click('#differences'); steps.push(visible());
        steps.push(document.getElementById('shown').textContent);
        return steps;",
        &serde_json::json!([
            ["alpha/wrong", "beta/stuck", "beta/open"],
            ["alpha/wrong"],
            [],
            true,
            ["alpha/wrong", "beta/stuck"],
            "2 shown",
        ]),
    );
}

#[test]
fn a_statement_opens_and_tells_what_was_seen() {
    assert_found(
        "",
        "const details = row('alpha/wrong').querySelector('details');
        const before = seen(details.querySelector('dl'));
        details.querySelector('summary').click();
        return [before, seen(details.querySelector('dl')), details.querySelector('dl').innerText.split(/\\s*\\n\\s*/)];",
        &serde_json::json!([
            false,
            true,
            ["first", "fail 3 ms", "expected 4 & 5", "seen <b>6</b> < 7", "second", "pass"],
        ]),
    );
}

#[test]
fn an_address_leads_to_what_was_chosen() {
    let script = "return [visible(), rows().filter((row) => row.querySelector('details').open).map((row) => row.dataset.name), location.hash]";
    assert_found(
        "kinds=fail,hang&text=beta",
        script,
        &serde_json::json!([["beta/stuck"], [], "#kinds=fail,hang&text=beta"]),
    );
    assert_found(
        "differing&check=alpha/wrong",
        script,
        &serde_json::json!([
            ["alpha/wrong", "beta/stuck"],
            ["alpha/wrong"],
            "#differing&check=alpha/wrong"
        ]),
    );
    // Browsers scroll to an element of that name, away from the top.
    assert_found(
        "differing",
        "return document.querySelector(':target')",
        &Value::Null,
    );
    // What is chosen on the page is in its address.
    assert_found(
        "",
        "click('#differences'); click('input[value=hang]'); type('<&'); return location.hash",
        &serde_json::json!("#kinds=pass,fail,crash,vanished,na,info&text=%3C%26&differing"),
    );
}

#[test]
fn a_script_that_fails_would_be_noticed() {
    let folder = TemporaryFolder::new().unwrap();
    let file = folder.path().join("broken.html");
    std::fs::write(&file, page().replace("fromAddress();", "fromNowhere();")).unwrap();
    let complaints = complaints(&browse(&file, ""));
    assert!(
        complaints[0].contains("fromNowhere is not defined"),
        "{complaints:?}"
    );
}
