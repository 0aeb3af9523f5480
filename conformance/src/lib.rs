//! Black-box checks of an OpenCL implementation through the ICD loader.
