//! Random kernels with barriers, compared with an interpreter that runs a work-group in lockstep.
//!
//! Every work-item has the variables `v0..v3`; `u0..u2` are the same for all of them. Uniform
//! control flow may hold barriers, divergent control flow does not, or only behind a condition
//! that is never true.

use std::fmt::Write;

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

const PRIVATE: usize = 4;
const UNIFORM: usize = 3;

/// A small generator of pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % bound
    }
}

/// Statements. Numbers are variables or small constants.
enum Statement {
    /// `v[a] = v[b] * constant + u[c] ^ id`
    Private(usize, usize, i32, usize),
    /// `u[a] = u[b] * constant + n`
    Uniform(usize, usize, i32),
    /// Work-items pass `v[a]` to their neighbours through local memory: two barriers.
    Exchange(usize, usize),
    /// `p[(v[a] & 3)] += v[b]; v[b] ^= p[constant]` with a private array.
    Array(usize, usize, usize),
    /// `if (v[a] & 1)`: divergent, the body without barriers.
    Divergent(usize, Vec<Statement>, Vec<Statement>),
    /// A barrier behind a condition that is never true, in divergent code.
    Never(usize),
    /// `if (u[a] & 1)`
    If(usize, Vec<Statement>, Vec<Statement>),
    /// A loop with a number of turns; `u[a]` counts how many there were.
    Loop(usize, usize, Vec<Statement>),
    /// `if ((u[a] & 3) == constant) break;`
    Break(usize, usize),
    /// `if ((u[a] & 3) == constant) continue;`
    Continue(usize, usize),
    /// `if ((u[a] & 15) == 7) return` after storing.
    Return(usize),
}

fn block(random: &mut Random, depth: usize, in_loop: bool, divergent: bool) -> Vec<Statement> {
    (0..1 + random.below(4))
        .map(|_| statement(random, depth, in_loop, divergent))
        .collect()
}

fn statement(random: &mut Random, depth: usize, in_loop: bool, divergent: bool) -> Statement {
    let v = |random: &mut Random| random.below(PRIVATE);
    let u = |random: &mut Random| random.below(UNIFORM);
    let constant = |random: &mut Random| random.below(9) as i32 - 4;
    let choice = random.below(if depth == 0 { 5 } else { 12 });
    match (choice, divergent) {
        (0, _) => Statement::Private(v(random), v(random), constant(random), u(random)),
        (1, false) => Statement::Uniform(u(random), u(random), constant(random)),
        (2 | 3, false) => Statement::Exchange(v(random), 1 + random.below(3)),
        (5, _) => {
            let condition = v(random);
            let then = block(random, depth - 1, false, true);
            let otherwise = block(random, depth - 1, false, true);
            Statement::Divergent(condition, then, otherwise)
        }
        (6 | 7, false) => {
            let condition = u(random);
            let then = block(random, depth - 1, in_loop, false);
            let otherwise = block(random, depth - 1, in_loop, false);
            Statement::If(condition, then, otherwise)
        }
        (8 | 9, _) if !divergent => {
            let (counter, turns) = (u(random), random.below(4));
            Statement::Loop(counter, turns, block(random, depth - 1, true, false))
        }
        (10, false) if in_loop => {
            let (condition, value) = (u(random), random.below(4));
            if random.below(2) == 0 {
                Statement::Break(condition, value)
            } else {
                Statement::Continue(condition, value)
            }
        }
        (11, false) => Statement::Return(u(random)),
        (11, true) => Statement::Never(v(random)),
        _ => Statement::Array(v(random), v(random), random.below(4)),
    }
}

fn write_block(text: &mut String, statements: &[Statement], level: usize) {
    for statement in statements {
        write_statement(text, statement, level).unwrap();
    }
}

fn write_statement(text: &mut String, statement: &Statement, level: usize) -> std::fmt::Result {
    match statement {
        Statement::Private(a, b, c, d) => {
            writeln!(text, "v{a} = (v{b} * {c} + u{d}) ^ id;")
        }
        Statement::Uniform(a, b, c) => writeln!(text, "u{a} = u{b} * {c} + n;"),
        Statement::Exchange(a, distance) => writeln!(
            text,
            "barrier(CLK_LOCAL_MEM_FENCE); share[id] = v{a}; barrier(CLK_LOCAL_MEM_FENCE);
             v{a} += share[(id + {distance}) % size];"
        ),
        Statement::Array(a, b, c) => {
            writeln!(text, "p[v{a} & 3] += v{b}; v{b} ^= p[{c}];")
        }
        Statement::Divergent(a, then, otherwise) => {
            writeln!(text, "if (v{a} & 1) {{")?;
            write_block(text, then, level);
            writeln!(text, "}} else {{")?;
            write_block(text, otherwise, level);
            writeln!(text, "}}")
        }
        Statement::Never(a) => writeln!(
            text,
            "if (n == 123456) {{ barrier(CLK_LOCAL_MEM_FENCE); v{a}++; }}"
        ),
        Statement::If(a, then, otherwise) => {
            writeln!(text, "if (u{a} & 1) {{")?;
            write_block(text, then, level);
            writeln!(text, "}} else {{")?;
            write_block(text, otherwise, level);
            writeln!(text, "}}")
        }
        Statement::Loop(a, turns, body) => {
            writeln!(
                text,
                "for (int t{level} = 0; t{level} < {turns} + (n & 1); t{level}++) {{"
            )?;
            writeln!(text, "u{a}++;")?;
            write_block(text, body, level + 1);
            writeln!(text, "}}")
        }
        Statement::Break(a, value) => writeln!(text, "if ((u{a} & 3) == {value}) break;"),
        Statement::Continue(a, value) => {
            writeln!(text, "if ((u{a} & 3) == {value}) continue;")
        }
        Statement::Return(a) => writeln!(text, "if ((u{a} & 15) == 7) {{ STORE; return; }}"),
    }
}

fn source(program: &[Statement]) -> String {
    let mut text = "
        #define STORE out[g * 4] = v0 + u0; out[g * 4 + 1] = v1 ^ u1; \\
            out[g * 4 + 2] = v2 - u2; out[g * 4 + 3] = v3 + p[0] + p[1] * 3 + p[2] * 5 + p[3] * 7
        kernel void k(global int *out, int n) {
        local uint share[64]; int id = get_local_id(0), size = get_local_size(0);
        int g = get_global_id(0); uint p[4] = {n, id, g, 4};
        uint v0 = g, v1 = id * 3, v2 = n - g, v3 = 5, u0 = n, u1 = size, u2 = get_group_id(0);\n"
        .to_owned();
    write_block(&mut text, program, 0);
    text.push_str("STORE; }\n");
    text
}

/// Why a block of statements ended.
#[derive(PartialEq, Eq)]
enum End {
    Fall,
    Break,
    Continue,
    Return,
}

/// A work-group in lockstep.
struct Group {
    n: i32,
    size: usize,
    v: Vec<[i32; PRIVATE]>,
    p: Vec<[i32; 4]>,
    u: [i32; UNIFORM],
}

impl Group {
    fn run(&mut self, statements: &[Statement], active: &[usize]) -> End {
        for statement in statements {
            let end = self.step(statement, active);
            if end != End::Fall {
                return end;
            }
        }
        End::Fall
    }

    fn step(&mut self, statement: &Statement, active: &[usize]) -> End {
        match statement {
            Statement::Private(a, b, c, d) => {
                for &id in active {
                    let product = self.v[id][*b].wrapping_mul(*c);
                    self.v[id][*a] = product.wrapping_add(self.u[*d]) ^ id as i32;
                }
            }
            Statement::Uniform(a, b, c) => {
                self.u[*a] = self.u[*b].wrapping_mul(*c).wrapping_add(self.n);
            }
            Statement::Exchange(a, distance) => {
                let shared: Vec<_> = self.v.iter().map(|v| v[*a]).collect();
                for &id in active {
                    let other = shared[(id + distance) % self.size];
                    self.v[id][*a] = self.v[id][*a].wrapping_add(other);
                }
            }
            Statement::Array(a, b, c) => {
                for &id in active {
                    let slot = (self.v[id][*a] & 3) as usize;
                    self.p[id][slot] = self.p[id][slot].wrapping_add(self.v[id][*b]);
                    self.v[id][*b] ^= self.p[id][*c];
                }
            }
            Statement::Divergent(a, then, otherwise) => {
                let odd = |id: &usize| self.v[*id][*a] & 1 == 1;
                let (left, right): (Vec<_>, Vec<_>) = active.iter().partition(|id| odd(id));
                self.run(then, &left);
                self.run(otherwise, &right);
            }
            Statement::Never(_) => {}
            Statement::If(a, then, otherwise) => {
                let body = if self.u[*a] & 1 == 1 { then } else { otherwise };
                return self.run(body, active);
            }
            Statement::Loop(a, turns, body) => {
                for _ in 0..*turns as i32 + (self.n & 1) {
                    self.u[*a] = self.u[*a].wrapping_add(1);
                    match self.run(body, active) {
                        End::Fall | End::Continue => {}
                        End::Break => break,
                        End::Return => return End::Return,
                    }
                }
            }
            Statement::Break(a, value) if self.u[*a] & 3 == *value as i32 => return End::Break,
            Statement::Continue(a, value) if self.u[*a] & 3 == *value as i32 => {
                return End::Continue;
            }
            Statement::Return(a) if self.u[*a] & 15 == 7 => return End::Return,
            Statement::Break(..) | Statement::Continue(..) | Statement::Return(_) => {}
        }
        End::Fall
    }
}

fn expected(program: &[Statement], global: usize, local: usize, n: i32) -> Vec<i32> {
    let mut out = Vec::new();
    for group in 0..global.div_ceil(local) {
        let size = local.min(global - group * local);
        let ids = 0..size;
        let g = |id: usize| (group * local + id) as i32;
        let mut state = Group {
            n,
            size,
            v: (ids.clone())
                .map(|i| [g(i), i as i32 * 3, n - g(i), 5])
                .collect(),
            p: ids.clone().map(|id| [n, id as i32, g(id), 4]).collect(),
            u: [n, size as i32, group as i32],
        };
        let active: Vec<_> = ids.clone().collect();
        state.run(program, &active);
        for id in ids {
            let (v, u, p) = (state.v[id], state.u, state.p[id]);
            let weighted = (p.iter().zip([1, 3, 5, 7])).fold(v[3], |sum, (p, weight)| {
                sum.wrapping_add(p.wrapping_mul(weight))
            });
            let (first, third) = (v[0].wrapping_add(u[0]), v[2].wrapping_sub(u[2]));
            out.extend([first, v[1] ^ u[1], third, weighted]);
        }
    }
    out
}

fn compare(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let program: Vec<_> = (0..3)
            .flat_map(|_| block(&mut random, 3, false, false))
            .collect();
        let text = source(&program);
        for (width, global, local, for_one_size) in [
            (None, 6, 6, false),
            (None, 11, 4, false),
            (Some(4), 10, 6, true),
            (Some(8), 32, 16, true),
            (Some(16), 39, 35, false),
        ] {
            let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
            let lanes = width.map(|width| Lanes {
                local_size: for_one_size.then_some([local as u64, 1, 1]),
                ..Lanes::any(width)
            });
            let kernel = Kernel::in_lanes(&text, &arguments, lanes);
            for n in [0i32, 1, 3, 6] {
                let mut out = vec![0; global * 4];
                let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&n.to_le_bytes())];
                let range = Range::line(global as u64, local as u64);
                kernel.run(range, &mut arguments, n == 1);
                let want = expected(&program, global, local, n);
                assert_eq!(
                    out, want,
                    "seed {seed} width {width:?} global {global} n {n}\n{text}"
                );
            }
        }
    }
}

#[test]
fn random_kernels_first_part() {
    compare(0..5);
}

#[test]
fn random_kernels_second_part() {
    compare(5..10);
}
