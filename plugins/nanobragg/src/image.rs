//! [`Image`]: the diffraction image, all pixels of it, fast. This is what an iteration measures.
//!
//! Lengths are taken in units of the detector's distance and the beam's foot is the origin, so that a pixel
//! is (1, y, z) and its cosine of the scattering angle is `c = 1 / sqrt(1 + y^2 + z^2)`; everything else is
//! algebra on y, z and c (`docs/architecture/kernel.md`). [`crate::plugin`] allocates one and computes it
//! again and again; [`crate::check`] compares it with [`crate::reference`], from which nothing may come.

use std::io::Write;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;
use runner_plugin::{Error, ErrorKind};

use crate::experiment::{ELECTRON_RADIUS_SQUARED, Experiment, FLUENCE};
use crate::grating::grating;
use crate::npy;
use crate::real::Real;

/// Rows between two questions whether the run was cancelled.
const BLOCK: usize = 32;

/// A square image with what its computation needs, allocated once.
#[derive(Clone, Debug)]
pub struct Image<T> {
    pixels: Array2<T>,
    /// y (by row) and z (by column) of the pixels' centres, in units of the distance. The axes run opposite
    /// ways in the laboratory; that sign does not matter here, as only squares of the gratings are used.
    offsets: Vec<T>,
    optics: Optics<T>,
}

/// What is the same for all pixels.
#[derive(Clone, Copy, Debug)]
struct Optics<T> {
    /// Cell edge over wavelength: Miller index per unit of the direction's change.
    cell_over_wavelength: T,
    /// Unit cells along each axis.
    cells: T,
    /// `r_e^2 * fluence * F^2 * (pixel / distance)^2 / 2`; the half belongs to the polarization.
    scale: T,
}

impl<T: Real> Image<T> {
    /// Allocates and touches `size` x `size` pixels. An allocation that fails is
    /// [`ErrorKind::OutOfMemory`].
    pub fn allocate(experiment: &Experiment) -> Result<Self, Error> {
        let size = experiment.size;
        let mut pixels = Vec::new();
        let count = size.saturating_mul(size);
        pixels.try_reserve_exact(count).map_err(|error| {
            let message = format!("an image of {size} x {size} pixels does not fit: {error}");
            Error::new(ErrorKind::OutOfMemory, message)
        })?;
        pixels.resize(count, T::ZERO);
        let pixels = Array2::from_shape_vec((size, size), pixels)
            .map_err(|error| Error::failed(format!("the shape of the image: {error}")))?;

        // The beam falls on the corner that pixels size/2 and size/2 + 1 share.
        let centre = size as f64 / 2.0 + 0.5;
        let pixel = experiment.pixel / experiment.distance;
        let offsets = (0..size).map(|index| T::from_f64((index as f64 - centre) * pixel)).collect();

        let amplitude = experiment.structure_factor * pixel;
        let optics = Optics {
            cell_over_wavelength: T::from_f64(experiment.cell_edge / experiment.wavelength),
            cells: T::from_f64(f64::from(experiment.cells)),
            scale: T::from_f64(ELECTRON_RADIUS_SQUARED * FLUENCE * amplitude * amplitude / 2.0),
        };
        Ok(Self { pixels, offsets, optics })
    }

    /// Computes every pixel, on the threads of the current rayon pool. `cancelled` is asked between blocks
    /// of rows; once it says yes the image is left half-made and the result is [`ErrorKind::Cancelled`].
    pub fn compute(&mut self, cancelled: impl Fn() -> bool + Sync) -> Result<(), Error> {
        let (offsets, optics) = (&self.offsets, &self.optics);
        let blocks = self.pixels.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter();
        blocks.zip(offsets.par_chunks(BLOCK)).try_for_each(|(mut block, block_offsets)| {
            if cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "the run was cancelled"));
            }
            for (mut pixels, &y) in block.rows_mut().into_iter().zip(block_offsets) {
                row(optics, y, offsets, pixels.as_slice_mut().expect("a row is contiguous"));
            }
            Ok(())
        })
    }

    /// The pixels, `size` x `size`: row is the slow index, column the fast one.
    pub fn pixels(&self) -> ArrayView2<'_, T> {
        self.pixels.view()
    }

    /// Writes the image in NumPy's format: a header, then the pixels row by row.
    pub fn write_npy(&self, writer: impl Write) -> Result<(), Error>
    where
        T: npy::Element,
    {
        npy::write(&self.pixels(), writer).map_err(|error| Error::failed(format!("image.npy: {error}")))
    }
}

/// One row of pixels. A function of its own, so that a profile names the hot loop.
#[inline(never)]
fn row<T: Real>(optics: &Optics<T>, y: T, columns: &[T], pixels: &mut [T]) {
    for (pixel, &z) in pixels.iter_mut().zip(columns) {
        *pixel = photons(optics, y, z);
    }
}

/// Photons in the pixel whose centre is (1, `y`, `z`) in units of the distance.
#[expect(clippy::inline_always, reason = "it is the body of the loop in `row`")]
#[inline(always)]
fn photons<T: Real>(optics: &Optics<T>, y: T, z: T) -> T {
    // Whatever swaps y and z or their signs gives the same bits: the image is as symmetric as the formula.
    let squared = y * y + z * z;
    let cosine = T::ONE / (T::ONE + squared).sqrt();
    // The Miller indices h, k and l, up to their signs.
    let index = |change: T| optics.cell_over_wavelength * change;
    let (h_numerator, h_denominator) = grating(index(along_beam(squared, cosine)), optics.cells);
    let (k_numerator, k_denominator) = grating(index(y * cosine), optics.cells);
    let (l_numerator, l_denominator) = grating(index(z * cosine), optics.cells);
    let numerator = h_numerator * (k_numerator * l_numerator);
    let denominator = h_denominator * (k_denominator * l_denominator);
    let lattice = numerator / denominator;

    // Solid angle (pixel / R)^2 c with 1/R = c / distance, and polarization (1 + c^2) / 2.
    let angles = cosine * cosine * cosine * (T::ONE + cosine * cosine);
    optics.scale * angles * (lattice * lattice)
}

/// `1 - cosine`, without the cancellation that this form has at small angles: with the squared sine
/// `s = squared * cosine^2` it is `s / (1 + cosine)`. (Its sign, that of -h, does not matter.)
#[expect(clippy::inline_always, reason = "it is the body of the loop in `row`")]
#[inline(always)]
fn along_beam<T: Real>(squared: T, cosine: T) -> T {
    squared * (cosine * cosine) / (T::ONE + cosine)
}
