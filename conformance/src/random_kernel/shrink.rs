//! Cutting a case down while what is wrong with it stays wrong.

use std::collections::HashSet;

use super::print::source;
use super::tree::{Case, Expression, Statement};
use super::types::Type;

/// Attempts after which a case is as small as it gets.
const ATTEMPTS: usize = 1500;

/// The smallest case found from `case` for which `still_wrong` says so. Deletes statements, puts
/// the contents of statements in their place, replaces expressions by constants and operands, and
/// reduces sizes and turns.
pub fn shrink(case: &Case, still_wrong: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut search = Search {
        best: case.clone(),
        known: HashSet::new(),
        attempts: 0,
        still_wrong,
    };
    loop {
        let before = search.best.clone();
        search.statements();
        search.contents();
        search.sizes();
        search.expressions(false);
        search.statements();
        search.expressions(true);
        if search.best == before || search.attempts >= ATTEMPTS {
            return search.best;
        }
    }
}

struct Search<'a> {
    best: Case,
    /// Texts and sizes that are not wrong.
    known: HashSet<(String, Vec<usize>, Vec<usize>)>,
    attempts: usize,
    still_wrong: &'a mut dyn FnMut(&Case) -> bool,
}

impl Search<'_> {
    /// Takes a changed case if it is still wrong.
    fn attempt(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        if self.attempts >= ATTEMPTS {
            return false;
        }
        let mut changed = self.best.clone();
        change(&mut changed);
        if changed == self.best {
            return false;
        }
        let key = |case: &Case| (source(case).text, case.local.clone(), case.groups.clone());
        let text = key(&changed);
        if self.known.contains(&text) {
            return false;
        }
        // A change in what is not printed need not be tried.
        let same = text == key(&self.best) && changed.needs_3_0 == self.best.needs_3_0;
        if !same {
            self.attempts += 1;
            if !(self.still_wrong)(&changed) {
                self.known.insert(text);
                return false;
            }
        }
        self.best = changed;
        true
    }

    fn sizes(&mut self) {
        for dimension in 0..self.best.local.len() {
            for size in [1, 2, 3, 4, 8, 16, 17] {
                let smaller = |sizes: &mut Vec<usize>| {
                    sizes[dimension] = size.min(sizes[dimension]);
                };
                self.attempt(|case| smaller(&mut case.groups));
                self.attempt(|case| smaller(&mut case.local));
            }
        }
        self.attempt(|case| case.needs_3_0 = false);
    }

    /// Deletes runs of statements, long ones first.
    fn statements(&mut self) {
        let mut number = 0;
        while let Some(length) = self.length_of(number) {
            let mut run = length;
            while run > 0 {
                let mut at = self.length_of(number).unwrap_or(0).saturating_sub(run);
                loop {
                    self.attempt(|case| {
                        with_block(case, number, |block| {
                            let end = (at + run).min(block.len());
                            block.drain(at.min(end)..end);
                        });
                    });
                    if at == 0 {
                        break;
                    }
                    at = at.saturating_sub(run);
                }
                run /= 2;
            }
            number += 1;
        }
    }

    /// Number of statements of a block, when there is such a block.
    fn length_of(&mut self, number: usize) -> Option<usize> {
        let mut length = None;
        with_block(&mut self.best, number, |block| length = Some(block.len()));
        length
    }

    /// Puts what is in a statement in its place, and takes statements apart.
    fn contents(&mut self) {
        let mut number = 0;
        while let Some(length) = self.length_of(number) {
            for at in (0..length).rev() {
                for part in 0.. {
                    let mut exists = false;
                    let simplified = self.attempt(|case| {
                        with_block(case, number, |block| {
                            if let Some(statements) = simpler(&block[at], part) {
                                exists = true;
                                block.splice(at..=at, statements);
                            }
                        });
                    });
                    if simplified || !exists {
                        break;
                    }
                }
            }
            number += 1;
        }
    }

    /// Replaces expressions by constants, and with `operands` by what they are made of.
    fn expressions(&mut self, operands: bool) {
        let mut number = 0;
        loop {
            let mut found = None;
            with_expression(&mut self.best, number, |expression| {
                found = Some(expression.clone());
            });
            let Some(found) = found else { return };
            let smaller = smaller(&found, operands).into_iter().any(|other| {
                self.attempt(|case| {
                    with_expression(case, number, |expression| *expression = other);
                })
            });
            if !smaller {
                number += 1;
            }
        }
    }
}

/// What may stand for a statement: a block in it, or itself with something simpler about it.
/// What can be read in a `Shared` is not there outside of it.
fn simpler(statement: &Statement, part: usize) -> Option<Vec<Statement>> {
    let mut copy = statement.clone();
    if let Statement::Plain { .. } | Statement::Shared { .. } = statement {
        return None;
    }
    let count = copy.blocks().len();
    if part < count {
        return Some(std::mem::take(copy.blocks()[part]));
    }
    match &mut copy {
        Statement::While { turns, .. } if part == count => *turns = 1,
        Statement::Switch { branches, .. } if part < 2 * count && count > 1 => {
            branches.remove(part - count);
        }
        Statement::Switch { branches, .. } if (2 * count..3 * count).contains(&part) => {
            branches[part - 2 * count].falls_through = false;
        }
        // The number of a removal that would leave no branch.
        Statement::Switch { .. } if part < 2 * count => {}
        _ => return None,
    }
    Some(vec![copy])
}

/// What may stand for an expression, the smallest first.
fn smaller(expression: &Expression, operands: bool) -> Vec<Expression> {
    let kind = expression.kind();
    let mut smaller: Vec<Expression> = match expression {
        // Constants grow smaller only, so that there is an end to it.
        Expression::Constant(_, 0) => Vec::new(),
        Expression::Constant(_, 1) => vec![Expression::Constant(kind, 0)],
        _ => [0, 1].map(|value| Expression::Constant(kind, value)).into(),
    };
    if !operands {
        return smaller;
    }
    let mut inner = Vec::new();
    collect(expression.operands(), kind, &mut inner);
    // Those without operands of their own first.
    inner.sort_by_key(|expression: &Expression| expression.operands().len());
    inner.truncate(6);
    smaller.extend(inner);
    smaller
}

fn collect(expressions: &[Expression], kind: Type, into: &mut Vec<Expression>) {
    for expression in expressions {
        if expression.kind() == kind && !into.contains(expression) {
            into.push(expression.clone());
        }
        collect(expression.operands(), kind, into);
    }
}

fn with_block(case: &mut Case, number: usize, change: impl FnOnce(&mut Vec<Statement>)) {
    let mut left = number;
    let mut change = Some(change);
    let mut visit = |block: &mut Vec<Statement>| {
        if left == 0 {
            if let Some(change) = change.take() {
                change(block);
            }
        }
        left = left.saturating_sub(1);
    };
    // The kernel has most to delete.
    blocks(&mut case.kernel.body, &mut visit);
    for helper in &mut case.helpers {
        blocks(&mut helper.body, &mut visit);
    }
}

fn blocks(block: &mut Vec<Statement>, visit: &mut dyn FnMut(&mut Vec<Statement>)) {
    visit(block);
    for statement in block {
        for inner in statement.blocks() {
            blocks(inner, visit);
        }
    }
}

fn with_expression(case: &mut Case, number: usize, change: impl FnOnce(&mut Expression)) {
    let mut left = number;
    let mut change = Some(change);
    let mut visit = |expression: &mut Expression| {
        if left == 0 {
            if let Some(change) = change.take() {
                change(expression);
            }
        }
        left = left.saturating_sub(1);
    };
    for function in case.functions() {
        for variable in &mut function.variables {
            expressions(&mut variable.operands, &mut visit);
        }
        blocks(&mut function.body, &mut |block| {
            for statement in block {
                expressions(statement.expressions(), &mut visit);
            }
        });
    }
}

fn expressions(list: &mut [Expression], visit: &mut dyn FnMut(&mut Expression)) {
    for expression in list {
        visit(expression);
        if let Expression::Operation { operands, .. } = expression {
            expressions(operands, visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts the first seeds whose kernel holds `part` down as long as it does.
    fn lines_left(part: &str) -> Vec<String> {
        let is_wrong = |case: &Case| source(case).text.contains(part);
        let cases = (1..).map(Case::of_seed).filter(is_wrong).take(3);
        let text = |case: Case| {
            assert!(source(&case).text.lines().count() > 20);
            source(&shrink(&case, &mut |case| is_wrong(case))).text
        };
        cases.map(text).collect()
    }

    #[test]
    fn a_kernel_is_cut_down_to_what_is_wrong_with_it() {
        for part in [
            "popcount(",
            "continue;",
            "atomic_max",
            "switch (",
            "helper1(",
        ] {
            for text in lines_left(part) {
                assert!(text.contains(part));
                let lines = text.lines().count();
                assert!(lines <= 14, "{part}: {lines} lines are left\n{text}");
            }
        }
    }

    #[test]
    fn sizes_become_the_smallest_that_are_wrong() {
        let mut case = Case::of_seed(1);
        case.local = vec![33];
        case.groups = vec![4];
        let small = shrink(&case, &mut |case| case.local[0] >= 3 && case.groups[0] >= 2);
        assert_eq!((small.local[0], small.groups[0]), (3, 2));
        assert!(small.kernel.body.is_empty());
    }
}
