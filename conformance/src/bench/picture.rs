//! A run as a picture: a bar for each row and peer, as long as the first implementation is better, or
//! worse, than the peer.

use std::fmt::Write;

use super::report::{geometric_mean, Run};

/// Pixels.
const NAMES: f64 = 250.0;
const CHART: f64 = 640.0;
const BAR: f64 = 9.0;
const GAP: f64 = 7.0;
const TOP: f64 = 76.0;

/// Ratios beyond this, or below its inverse, are cut off.
const MOST: f64 = 64.0;

const COLOURS: [&str; 4] = ["#2a6f97", "#e07a1f", "#4c956c", "#8d5a97"];

/// Where a ratio lies on the axis, which is logarithmic.
fn place(ratio: f64) -> f64 {
    let share = ratio.clamp(1.0 / MOST, MOST).ln() / MOST.ln();
    NAMES + CHART / 2.0 * (1.0 + share)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The picture as an SVG document.
pub fn svg(run: &Run) -> String {
    let peers = run.columns.len().saturating_sub(1);
    let row_height = BAR * peers as f64 + GAP;
    let height = TOP + row_height * run.order.len() as f64 + 20.0;
    let width = NAMES + CHART + 30.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let name = run.columns.first().map_or("", |column| &column.name);
    let _ = writeln!(
        text,
        "<text x=\"12\" y=\"24\" font-size=\"16\">How many times faster {} is</text>",
        escaped(name)
    );
    let mut ratio = 1.0 / MOST;
    while ratio <= MOST {
        let x = place(ratio);
        let (colour, label) = match ratio {
            1.0 => ("#333", "1x".to_owned()),
            below if below < 1.0 => ("#ddd", format!("1/{}", 1.0 / below)),
            above => ("#ddd", format!("{above}x")),
        };
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{label}</text>",
            height - 12.0,
            TOP - 6.0
        );
        ratio *= 4.0;
    }
    for (index, row) in run.order.iter().enumerate() {
        let y = TOP + 8.0 + row_height * index as f64;
        let middle = y + BAR * peers as f64 / 2.0 + 4.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            escaped(&row.name)
        );
    }
    for peer in 1..=peers {
        let ratios = run.ratios(peer);
        let colour = COLOURS[(peer - 1) % COLOURS.len()];
        let _ = writeln!(
            text,
            "<rect x=\"{:.1}\" y=\"38\" width=\"11\" height=\"11\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"48\">than {} (geometric mean {:.2}x)</text>",
            12.0 + 300.0 * (peer - 1) as f64,
            28.0 + 300.0 * (peer - 1) as f64,
            escaped(&run.columns[peer].name),
            geometric_mean(&ratios)
        );
        for (row, ratio) in ratios {
            let Some(index) = run.order.iter().position(|other| other.name == row.name) else {
                continue;
            };
            let y = TOP + 8.0 + row_height * index as f64 + BAR * (peer - 1) as f64;
            let (from, to) = (place(ratio.min(1.0)), place(ratio.max(1.0)));
            let _ = writeln!(
                text,
                "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill=\"{colour}\"><title>{}: {ratio:.2}x</title></rect>",
                (to - from).max(1.0),
                BAR - 1.0,
                escaped(&row.name)
            );
        }
    }
    text.push_str("</svg>\n");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bench::measure::{Better, Row};
    use crate::bench::report::Column;

    #[test]
    fn bars_are_as_long_as_ratios_are_far_from_one() {
        let column = |name: &str, value: f64| {
            let row = Row {
                name: "a<b".to_owned(),
                unit: "ms".to_owned(),
                better: Better::Lower,
                value: Ok(value),
            };
            let rounds = BTreeMap::from([("a<b".to_owned(), vec![row.clone()])]);
            let name = name.to_owned();
            (Column { name, rounds }, row)
        };
        let (mine, row) = column("isocl", 1.0);
        let run = Run {
            order: vec![row],
            columns: vec![mine, column("slow", 8.0).0, column("fast", 0.125).0],
        };
        let text = svg(&run);
        let half = CHART / 4.0;
        for bar in ["a&lt;b: 8.00x", "a&lt;b: 0.12x"] {
            let line = text.lines().find(|line| line.contains(bar)).unwrap();
            assert!(line.contains(&format!("width=\"{half:.1}\"")), "{line}");
        }
    }
}
