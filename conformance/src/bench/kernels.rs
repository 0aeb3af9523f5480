//! A dozen kernels, each verified against the host.

use std::ffi::c_void;

use opencl_sys::*;

use super::measure::{seconds, Row, BUDGET};
use crate::client::{read, write};
use crate::session::Session;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
pub(super) const SOURCE: &str = include_str!("kernels.cl");
const DOUBLES: &str = include_str!("doubles.cl");

/// SVM memory that is freed when dropped.
struct Memory<'a> {
    session: &'a Session,
    pointer: *mut c_void,
}

impl<'a> Memory<'a> {
    fn new<T: Copy>(session: &'a Session, count: usize, value: impl Fn(usize) -> T) -> Self {
        let pointer = session
            .api
            .clSVMAlloc(session.context, FINE, count * size_of::<T>(), 0);
        if !pointer.is_null() {
            for index in 0..count {
                write(pointer, index, value(index));
            }
        }
        Self { session, pointer }
    }

    fn at<T: Copy>(&self, index: usize) -> T {
        read(self.pointer, index)
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        self.session
            .api
            .clSVMFree(self.session.context, self.pointer);
    }
}

/// One way to hand over an argument.
enum Argument<'a> {
    Svm(&'a Memory<'a>),
    Int(i32),
    Float(f32),
    Double(f64),
    Local(usize),
}

struct Bench<'a> {
    session: &'a Session,
    program: cl_program,
}

impl Bench<'_> {
    /// Sets the arguments, runs the kernel once for the check, then measures it.
    fn run(
        &self,
        name: &str,
        arguments: &[Argument<'_>],
        global: &[usize],
        local: Option<&[usize]>,
        check: impl FnOnce() -> bool,
        again: impl Fn(),
    ) -> Result<f64, String> {
        let (session, api) = (self.session, self.session.api);
        let kernel = session
            .kernel_of(self.program, name)
            .map_err(|error| format!("{error:?}"))?;
        for (index, argument) in arguments.iter().enumerate() {
            let index = index as cl_uint;
            let code = match argument {
                Argument::Svm(memory) => {
                    api.clSetKernelArgSVMPointer(kernel, index, memory.pointer)
                }
                Argument::Int(value) => session.set_arg(kernel, index, value),
                Argument::Float(value) => session.set_arg(kernel, index, value),
                Argument::Double(value) => session.set_arg(kernel, index, value),
                Argument::Local(bytes) => {
                    api.clSetKernelArg(kernel, index, *bytes, std::ptr::null())
                }
            };
            if code != 0 {
                return Err(format!("argument {index}: code {code}"));
            }
        }
        let mut code = session.launch(kernel, global, local) | api.clFinish(session.queue);
        let right = check();
        let each = seconds(BUDGET, || {
            again();
            code |= session.launch(kernel, global, local) | api.clFinish(session.queue);
        });
        api.clReleaseKernel(kernel);
        match (code, right) {
            (0, true) => Ok(each),
            (0, false) => Err("wrong result".into()),
            (code, _) => Err(format!("code {code}")),
        }
    }

    fn saxpy(&self) -> Result<f64, String> {
        let n = 16 << 20;
        let x = Memory::new(self.session, n, |index| (index % 1000) as f32);
        let y = Memory::new(self.session, n, |_| 1.0f32);
        let check = || {
            (0..n)
                .step_by(997)
                .all(|index| y.at::<f32>(index) == 2.0 * (index % 1000) as f32 + 1.0)
        };
        let each = self.run(
            "saxpy",
            &[Argument::Svm(&y), Argument::Svm(&x), Argument::Float(2.0)],
            &[n],
            None,
            check,
            || (),
        )?;
        Ok(n as f64 * 12.0 / each / 1e9)
    }

    fn mandel(&self) -> Result<f64, String> {
        let (n, limit) = (512usize, 256);
        let out = Memory::new(self.session, n * n, |_| 0i32);
        let host = |x: usize, y: usize| {
            let step = 3.0f32 / n as f32;
            let (cr, ci) = (x as f32 * step - 2.2, y as f32 * step - 1.5);
            let (mut zr, mut zi, mut count) = (0.0f32, 0.0f32, 0);
            while count < limit && zr * zr + zi * zi < 4.0 {
                (zr, zi) = (zr * zr - zi * zi + cr, 2.0 * zr * zi + ci);
                count += 1;
            }
            count
        };
        // Contraction may move single points of the chaotic border; the picture as a whole may not move.
        let check = || {
            let differing = (0..n * n)
                .filter(|index| out.at::<i32>(*index) != host(index % n, index / n))
                .count();
            differing < n * n / 50
        };
        let arguments = [
            Argument::Svm(&out),
            Argument::Int(n as i32),
            Argument::Int(limit),
        ];
        Ok(self.run("mandel", &arguments, &[n, n], None, check, || ())? * 1e3)
    }

    fn blackscholes(&self) -> Result<f64, String> {
        let options = [60.0, 0.03, 0.3, 2.0].map(Argument::Float);
        self.prices::<f32>("blackscholes", options, |price| price as f32, f64::from)
    }

    fn blackscholes_double(&self) -> Result<f64, String> {
        let options = [60.0, 0.03, 0.3, 2.0].map(Argument::Double);
        self.prices::<f64>("blackscholes_double", options, |price| price, |price| price)
    }

    /// Prices of options with this strike, rate, volatility and time in years.
    fn prices<T: Copy>(
        &self,
        name: &str,
        [strike, rate, volatility, years]: [Argument<'_>; 4],
        of: fn(f64) -> T,
        wide: fn(T) -> f64,
    ) -> Result<f64, String> {
        let n = 1 << 20;
        let price = Memory::new(self.session, n, |index| of(20.0 + 0.0001 * index as f64));
        let call = Memory::new(self.session, n, |_| of(0.0));
        // The call price at the money from the closed formula, and its limits far from it.
        let at = |price: f64| wide(call.at::<T>((((price - 20.0) / 0.0001) as usize).min(n - 1)));
        let check = || {
            let (low, money, high) = (at(20.0), at(60.0), at(f64::INFINITY));
            low.abs() < 0.2 && (money - 11.7).abs() < 0.5 && high > at(20.0 + 0.00005 * n as f64)
        };
        let (call, price) = (Argument::Svm(&call), Argument::Svm(&price));
        let arguments = [call, price, strike, rate, volatility, years];
        Ok(self.run(name, &arguments, &[n], None, check, || ())? * 1e3)
    }

    fn sincospow(&self) -> Result<f64, String> {
        let n = 1 << 20;
        let input = Memory::new(self.session, n, |index| 0.001 * index as f32 - 300.0);
        let out = Memory::new(self.session, n, |_| 0.0f32);
        let check = || {
            (0..n).step_by(101).all(|index| {
                let x = f64::from(input.at::<f32>(index));
                let expected = x.sin() * x.cos() + (x.abs() + 0.5).powf(1.3);
                (f64::from(out.at::<f32>(index)) - expected).abs() <= 1e-5 * expected.abs().max(1.0)
            })
        };
        Ok(self.run(
            "sincospow",
            &[Argument::Svm(&out), Argument::Svm(&input)],
            &[n],
            None,
            check,
            || (),
        )? * 1e3)
    }

    fn gemm(&self, name: &str) -> Result<f64, String> {
        let n = 512usize;
        let a = Memory::new(self.session, n * n, |index| {
            ((index / n + index % n) % 7) as f32
        });
        let b = Memory::new(self.session, n * n, |index| {
            ((index / n * 3 + index % n) % 5) as f32
        });
        let c = Memory::new(self.session, n * n, |_| 0.0f32);
        let check = || {
            (0..n * n).step_by(1013).all(|index| {
                let sum: f32 = (0..n)
                    .map(|k| a.at::<f32>(index / n * n + k) * b.at::<f32>(k * n + index % n))
                    .sum();
                c.at::<f32>(index) == sum
            })
        };
        let arguments = [
            Argument::Svm(&c),
            Argument::Svm(&a),
            Argument::Svm(&b),
            Argument::Int(n as i32),
        ];
        let each = self.run(name, &arguments, &[n, n], Some(&[16, 16]), check, || ())?;
        Ok(2.0 * (n * n * n) as f64 / each / 1e9)
    }

    fn nbody(&self) -> Result<f64, String> {
        let n = 4096usize;
        let p = Memory::new(self.session, n * 4, |index| {
            ((index * 7919) % 1000) as f32 * 0.01
        });
        let out = Memory::new(self.session, n * 4, |_| 0.0f32);
        let check = || {
            (0..n).step_by(509).all(|i| {
                let at = |j: usize, k: usize| f64::from(p.at::<f32>(j * 4 + k));
                let mut force = [0.0f64; 3];
                for j in 0..n {
                    let d = [0, 1, 2].map(|k| at(j, k) - at(i, k));
                    let square = d.iter().map(|d| d * d).sum::<f64>() + 0.01;
                    for k in 0..3 {
                        force[k] += d[k] * at(j, 3) / (square * square.sqrt());
                    }
                }
                (0..3).all(|k| {
                    (f64::from(out.at::<f32>(i * 4 + k)) - force[k]).abs()
                        < 1e-3 * force[k].abs().max(100.0)
                })
            })
        };
        let arguments = [
            Argument::Svm(&out),
            Argument::Svm(&p),
            Argument::Int(n as i32),
        ];
        Ok(self.run("nbody", &arguments, &[n], None, check, || ())? * 1e3)
    }

    fn reduce(&self) -> Result<f64, String> {
        let (n, group) = (4usize << 20, 256usize);
        let input = Memory::new(self.session, n, |index| index as u32);
        let out = Memory::new(self.session, n / group, |_| 0u32);
        let check = || {
            (0..n / group).all(|g| {
                out.at::<u32>(g)
                    == (g * group..(g + 1) * group)
                        .map(|index| index as u32)
                        .fold(0, u32::wrapping_add)
            })
        };
        let arguments = [
            Argument::Svm(&out),
            Argument::Svm(&input),
            Argument::Local(group * 4),
        ];
        Ok(self.run("reduce", &arguments, &[n], Some(&[group]), check, || ())? * 1e3)
    }

    fn histogram(&self) -> Result<f64, String> {
        let n = 8usize << 20;
        let input = Memory::new(self.session, n, |index| ((index * 2654435761) >> 13) as u8);
        let bins = Memory::new(self.session, 256, |_| 0u32);
        let check = || {
            let mut expected = [0u32; 256];
            (0..n).for_each(|index| expected[usize::from(input.at::<u8>(index))] += 1);
            (0..256).all(|bin| bins.at::<u32>(bin) == expected[bin])
        };
        let arguments = [Argument::Svm(&bins), Argument::Svm(&input)];
        Ok(self.run(
            "histogram",
            &arguments,
            &[n / 16],
            Some(&[256]),
            check,
            || (),
        )? * 1e3)
    }

    fn tree(&self) -> Result<f64, String> {
        let (n, lookups) = (1usize << 16, 1usize << 18);
        let nodes = Memory::new(self.session, n * 3, |_| 0u64);
        // A balanced tree over the odd keys, laid out in a scattered order.
        let place = |index: usize| nodes.pointer as u64 + (index * 40503 % n * 24) as u64;
        let mut ranges = vec![(0usize, n)];
        while let Some((low, high)) = ranges.pop() {
            let middle = (low + high) / 2;
            let slot = (place(middle) - nodes.pointer as u64) as usize / 8;
            write(
                nodes.pointer,
                slot,
                ((middle as u64 * 7) << 32) | (middle as u64 * 2 + 1),
            );
            write(
                nodes.pointer,
                slot + 1,
                if low < middle {
                    place((low + middle) / 2)
                } else {
                    0
                },
            );
            write(
                nodes.pointer,
                slot + 2,
                if middle + 1 < high {
                    place((middle + 1 + high) / 2)
                } else {
                    0
                },
            );
            if low < middle {
                ranges.push((low, middle));
            }
            if middle + 1 < high {
                ranges.push((middle + 1, high));
            }
        }
        let root = (place(n / 2) - nodes.pointer as u64) as usize;
        let keys = Memory::new(self.session, lookups, |index| {
            (index * 2654435761 % (2 * n)) as u32
        });
        let out = Memory::new(self.session, lookups, |_| 1u32);
        let start = std::mem::ManuallyDrop::new(Memory {
            session: self.session,
            pointer: crate::client::offset(nodes.pointer, root),
        });
        let check = || {
            (0..lookups).all(|index| {
                let key = keys.at::<u32>(index);
                out.at::<u32>(index) == if key % 2 == 1 { key / 2 * 7 } else { 0 }
            })
        };
        let arguments = [
            Argument::Svm(&out),
            Argument::Svm(&start),
            Argument::Svm(&keys),
        ];
        Ok(self.run("tree", &arguments, &[lookups], None, check, || ())? * 1e3)
    }

    fn stencil(&self) -> Result<f64, String> {
        let (w, h) = (4096usize + 2, 2048usize + 2);
        let input = Memory::new(self.session, w * h, |index| (index % 77) as f32);
        let out = Memory::new(self.session, w * h, |_| 0.0f32);
        let check = || {
            (1..h - 1).step_by(37).all(|y| {
                let i = y * w + 1 + y % 4000;
                let at = |i: usize| input.at::<f32>(i);
                let expected =
                    0.5 * at(i) + 0.125 * (at(i - 1) + at(i + 1) + at(i - w) + at(i + w));
                (out.at::<f32>(i) - expected).abs() < 1e-3
            })
        };
        let arguments = [
            Argument::Svm(&out),
            Argument::Svm(&input),
            Argument::Int(w as i32),
        ];
        Ok(self.run("stencil", &arguments, &[w - 2, h - 2], None, check, || ())? * 1e3)
    }

    fn scan(&self) -> Result<f64, String> {
        let (n, group) = (1usize << 20, 256usize);
        let data = Memory::new(self.session, n, |_| 1u32);
        let check = || (0..n).all(|index| data.at::<u32>(index) == (index % group + 1) as u32);
        let arguments = [Argument::Svm(&data), Argument::Local(group * 4)];
        Ok(self.run("scan", &arguments, &[n], Some(&[group]), check, || ())? * 1e3)
    }

    fn count(&self) -> Result<f64, String> {
        let n = 1usize << 20;
        let counter = Memory::new(self.session, 16, |_| 0i32);
        let check = || counter.at::<i32>(0) == 3 * n as i32;
        let each = self.run(
            "count",
            &[Argument::Svm(&counter)],
            &[n],
            None,
            check,
            || (),
        )?;
        Ok(n as f64 / each / 1e6)
    }
}

/// The rows of this group.
pub fn rows(session: &Session, wanted: &mut dyn FnMut(&str) -> bool, done: &mut dyn FnMut(Row)) {
    type Measure = fn(&Bench<'_>) -> Result<f64, String>;
    let all: [(&str, &str, Measure); 14] = [
        ("kernel_saxpy", "GB/s", |bench| bench.saxpy()),
        ("kernel_mandel", "ms", |bench| bench.mandel()),
        ("kernel_blackscholes", "ms", |bench| bench.blackscholes()),
        ("kernel_blackscholes_double", "ms", |bench| {
            bench.blackscholes_double()
        }),
        ("kernel_sincospow", "ms", |bench| bench.sincospow()),
        ("kernel_gemm_naive", "GFLOP/s", |bench| {
            bench.gemm("gemm_naive")
        }),
        ("kernel_gemm_tiled", "GFLOP/s", |bench| {
            bench.gemm("gemm_tiled")
        }),
        ("kernel_nbody", "ms", |bench| bench.nbody()),
        ("kernel_reduce", "ms", |bench| bench.reduce()),
        ("kernel_histogram", "ms", |bench| bench.histogram()),
        ("kernel_tree", "ms", |bench| bench.tree()),
        ("kernel_stencil", "ms", |bench| bench.stencil()),
        ("kernel_scan", "ms", |bench| bench.scan()),
        ("kernel_atomic_add", "Mop/s", |bench| bench.count()),
    ];
    if !all.iter().any(|(name, ..)| wanted(name)) {
        return;
    }
    let program = session
        .build(&[SOURCE, DOUBLES].concat(), "")
        .map_err(|(error, log)| format!("{error:?} {log}"));
    for (name, unit, measure) in all {
        if !wanted(name) {
            continue;
        }
        let value = match &program {
            Ok(program) => measure(&Bench {
                session,
                program: *program,
            }),
            Err(error) => Err(error.clone()),
        };
        done(if unit.contains('/') {
            Row::rate(name, unit, value)
        } else {
            Row::time(name, unit, value)
        });
    }
    if let Ok(program) = program {
        session.api.clReleaseProgram(program);
    }
}
