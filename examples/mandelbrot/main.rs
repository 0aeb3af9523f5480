//! `mandelbrot FILE.png`: the Mandelbrot set, computed by a kernel into SVM memory and written
//! from there.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::BufWriter;

use isocl_examples::{Arena, Failure, Setup};
use opencl3::kernel::ExecuteKernel;

const SOURCE: &str = r"
kernel void mandelbrot(global uchar *rgb, float centre_x, float centre_y, float width) {
    int x = get_global_id(0), y = get_global_id(1), w = get_global_size(0), h = get_global_size(1);
    float3 colour = 0;
    for (int sample = 0; sample < 4; sample++) {
        float2 c = (float2)(centre_x + width * ((x + 0.5f * (sample & 1)) / w - 0.5f),
                            centre_y + width * ((y + 0.5f * (sample >> 1)) / w - 0.5f * h / w));
        float2 z = 0;
        int n = 0;
        while (n < 400 && dot(z, z) < 256.0f) {
            z = (float2)(z.x * z.x - z.y * z.y, 2 * z.x * z.y) + c;
            n++;
        }
        if (n < 400) {
            float smooth = n + 1 - log2(0.5f * log2(dot(z, z)));
            colour += 0.5f + 0.5f * cos(6.2831853f * (0.02f * smooth + (float3)(0.55f, 0.62f, 0.70f)));
        }
    }
    vstore3(convert_uchar3_sat_rte(colour * (255.0f / 4)), y * w + x, rgb);
}";

fn main() -> Result<(), Failure> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: mandelbrot FILE.png")?;
    let (width, height) = (1280usize, 800usize);
    let setup = Setup::first_device()?;
    let kernel = setup.kernel(SOURCE, "mandelbrot")?;
    let pixels = Arena::new(&setup, width * height * 3, 0u8)?;
    // SAFETY: the arguments are the kernel's; it writes three bytes per work-item.
    unsafe {
        ExecuteKernel::new(&kernel)
            .set_arg_svm(pixels.at(0))
            .set_arg(&-0.7436_f32)
            .set_arg(&0.1318_f32)
            .set_arg(&0.012_f32)
            .set_global_work_sizes(&[width, height])
            .enqueue_nd_range(&setup.queue)?;
    }
    setup.queue.finish()?;
    let bytes: Vec<u8> = (0..width * height * 3)
        .map(|index| pixels.get(index))
        .collect();
    let different = bytes
        .chunks_exact(3)
        .collect::<std::collections::HashSet<_>>()
        .len();
    if different < 1000 {
        return Err(
            format!("only {different} colours: this is no picture of the Mandelbrot set").into(),
        );
    }
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(&path)?),
        width as u32,
        height as u32,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&bytes)?;
    println!("{path}: {width} x {height} pixels, {different} colours");
    Ok(())
}
