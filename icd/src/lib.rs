//! The isocl installable client driver.
