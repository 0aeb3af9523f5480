"""NumPy arrays in shared virtual memory: host and kernel see the same array, nothing is copied."""

import numpy as np
import pyopencl as cl

context = cl.create_some_context(interactive=False)
queue = cl.CommandQueue(context)
program = cl.Program(context, """
kernel void wave(global float *y, global const float *x, float phase) {
    size_t i = get_global_id(0);
    y[i] = sin(x[i] + phase);
}""").build()

n = 1 << 16
x = cl.SVM(cl.fsvm_empty(context, n, np.float32))
y = cl.SVM(cl.fsvm_empty(context, n, np.float32))
x.mem[:] = np.linspace(0, 100, n, dtype=np.float32)
program.wave(queue, (n,), None, y, x, np.float32(0.25))
queue.finish()
np.testing.assert_allclose(y.mem, np.sin(x.mem + np.float32(0.25)), atol=1e-5)
print(f"Python: NumPy and a kernel worked on the same {n} floats at {y.mem.ctypes.data:#x}")
