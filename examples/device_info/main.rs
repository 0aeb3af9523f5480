//! Lists every device and how far it shares pointers with the host.

use isocl_examples::Failure;
use opencl3::device::{
    Device, CL_DEVICE_SVM_ATOMICS, CL_DEVICE_SVM_COARSE_GRAIN_BUFFER,
    CL_DEVICE_SVM_FINE_GRAIN_BUFFER, CL_DEVICE_SVM_FINE_GRAIN_SYSTEM, CL_DEVICE_TYPE_ALL,
};

fn main() -> Result<(), Failure> {
    for platform in opencl3::platform::get_platforms()? {
        println!("{} ({})", platform.name()?, platform.version()?);
        for id in platform.get_devices(CL_DEVICE_TYPE_ALL)? {
            let device = Device::new(id);
            println!("  {} ({})", device.name()?, device.version()?);
            println!("    compute units      {}", device.max_compute_units()?);
            println!(
                "    global memory      {} MiB",
                device.global_mem_size()? >> 20
            );
            println!(
                "    largest allocation {} MiB",
                device.max_mem_alloc_size()? >> 20
            );
            let capabilities = device.svm_mem_capability();
            for (bit, name) in [
                (CL_DEVICE_SVM_COARSE_GRAIN_BUFFER, "coarse-grained buffers"),
                (CL_DEVICE_SVM_FINE_GRAIN_BUFFER, "fine-grained buffers"),
                (CL_DEVICE_SVM_FINE_GRAIN_SYSTEM, "fine-grained system"),
                (CL_DEVICE_SVM_ATOMICS, "atomics"),
            ] {
                println!(
                    "    SVM {name:<23} {}",
                    if capabilities & bit != 0 { "yes" } else { "no" }
                );
            }
        }
    }
    Ok(())
}
