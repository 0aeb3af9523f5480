//! The OpenCL object model of isocl.
