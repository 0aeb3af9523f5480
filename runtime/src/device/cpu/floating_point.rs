//! The floating-point environment of kernels: round to nearest, no traps, denormals kept.
#![allow(unsafe_code)]

/// Runs `call` with the environment that kernels expect, then restores the thread's own.
#[cfg(target_arch = "x86_64")]
pub(super) fn with_kernel_environment(call: impl FnOnce()) {
    /// MXCSR after reset: exceptions masked, nearest, neither flush-to-zero nor
    /// denormals-are-zero.
    const KERNEL: u32 = 0x1F80;
    let mut own = 0_u32;
    // SAFETY: `stmxcsr` writes four bytes to a live local variable.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut own, options(nostack)) };
    if own & !0x3F != KERNEL {
        // SAFETY: `ldmxcsr` reads four bytes; the value sets no reserved bit. Rust code up to the
        // next one does no floating-point arithmetic.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &KERNEL, options(nostack)) };
    }
    call();
    // SAFETY: as above; the value is what `stmxcsr` stored.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &own, options(nostack)) };
}

/// Runs `call`; the reset state of the floating-point unit is what kernels expect.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn with_kernel_environment(call: impl FnOnce()) {
    call();
}
