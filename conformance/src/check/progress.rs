//! What is shown while checks run: a bar with the time left, or plain lines where no one watches.

use std::io::IsTerminal;
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outcome::Kind;
use super::report::Row;

/// Shows how far a run is.
pub struct Progress {
    bar: Option<ProgressBar>,
    bad: usize,
}

impl Progress {
    /// Of a run of so many checks.
    pub fn new(checks: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(checks as u64), target);
            let look = "{bar:30.cyan/dim} {pos}/{len}  {eta} left  {prefix}{wide_msg}";
            if let Ok(look) = ProgressStyle::with_template(look) {
                bar.set_style(look);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar, bad: 0 }
    }

    /// A check begins.
    pub fn begin(&self, implementation: &str, check: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{implementation}: {check}"));
        }
    }

    /// It came to this.
    pub fn end(&mut self, implementation: &str, row: &Row) {
        self.ended(implementation, &row.name, row.outcome.kind());
    }

    /// What has this name came to this.
    pub fn ended(&mut self, implementation: &str, name: &str, kind: Kind) {
        let Some(bar) = &self.bar else {
            println!("{implementation}: {name} {}", kind.word());
            return;
        };
        if kind.is_bad() {
            self.bad += 1;
            bar.set_prefix(format!("{} bad  ", self.bad));
            bar.println(format!("{} {implementation}: {name}", word(kind)));
        }
        bar.inc(1);
    }

    /// Says something above the bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => println!("{text}"),
        }
    }

    /// The run is over.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The word for an outcome, in its colour.
pub fn word(kind: Kind) -> String {
    let word = style(kind.word());
    let word = match kind {
        Kind::Pass => word.green(),
        Kind::NotApplicable => word.dim(),
        Kind::Informative => word.cyan(),
        _ => word.red().bold(),
    };
    word.to_string()
}
