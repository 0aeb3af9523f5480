//! The operating-system boundary of isocl: apertures, mappings, drivers. Knows no OpenCL word.
