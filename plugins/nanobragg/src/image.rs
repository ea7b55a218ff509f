//! [`Image`]: the diffraction image, all pixels of it, by either variant. This is what an iteration measures.
//!
//! Rows go to the threads in blocks; a block asks for nothing but its own rows. [`crate::plugin`] allocates one
//! image and computes it again and again; [`crate::check`] compares it with the other variant.

use std::io::Write;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::iter::{
    IndexedParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator, repeat_n,
};
use runner_plugin::{Error, ErrorKind};

use crate::config::Variant;
use crate::isa::Isa;
use crate::npy;
use crate::real::Real;
use crate::scalar::Scalar;
use crate::scene::Scene;
use crate::segment::Scratch;
use crate::vectorized::Vectorized;

/// Rows between two questions whether the run was cancelled.
const BLOCK: usize = 32;

/// A square image with what its computation needs, allocated once.
#[derive(Clone, Debug)]
pub struct Image<T> {
    pixels: Array2<T>,
    method: Method<T>,
}

/// How it is computed.
#[derive(Clone, Debug)]
enum Method<T> {
    Scalar(Box<Scene>),
    Vectorized(Box<Vectorized<T>>),
}

impl<T: Real> Image<T> {
    /// Allocates and touches `size` x `size` pixels, on the threads of the current rayon pool. An allocation that
    /// fails is [`ErrorKind::OutOfMemory`].
    pub fn allocate(scene: &Scene, variant: Variant) -> Result<Self, Error> {
        let method = match variant {
            Variant::Scalar => Method::Scalar(Box::new(scene.clone())),
            Variant::Vectorized => Method::Vectorized(Box::new(Vectorized::new(scene))),
        };
        Ok(Self { pixels: pixels(scene.size)?, method })
    }

    /// The vectorized variant with chosen instructions; `any` as in [`crate::form::AnyForm::new`].
    pub fn vectorized(scene: &Scene, isa: Isa, any: bool) -> Result<Self, Error> {
        let method = Method::Vectorized(Box::new(Vectorized::with(scene, isa, any)));
        Ok(Self { pixels: pixels(scene.size)?, method })
    }

    /// Computes every pixel, on the threads of the current rayon pool. `cancelled` is asked between blocks
    /// of rows; once it says yes the image is left half-made and the result is [`ErrorKind::Cancelled`].
    pub fn compute(&mut self, cancelled: impl Fn() -> bool + Sync) -> Result<(), Error> {
        let method = &self.method;
        let blocks = self.pixels.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter();
        blocks.enumerate().try_for_each(|(number, mut block)| {
            let mut scratch = Scratch::new();
            for (index, mut pixels) in block.rows_mut().into_iter().enumerate() {
                // A block of many terms takes long, a row of few no time at all.
                if (index == 0 || !method.is_quick()) && cancelled() {
                    return Err(Error::new(ErrorKind::Cancelled, "the run was cancelled"));
                }
                let pixels = pixels.as_slice_mut().expect("a row is contiguous");
                method.row(number * BLOCK + index, pixels, &mut scratch);
            }
            Ok(())
        })
    }

    /// The pixels, `size` x `size`: row is the slow index, column the fast one.
    pub fn pixels(&self) -> ArrayView2<'_, T> {
        self.pixels.view()
    }

    /// The instructions of the vectorized variant.
    pub fn instructions(&self) -> Option<&'static str> {
        match &self.method {
            Method::Scalar(_) => None,
            Method::Vectorized(vectorized) => Some(vectorized.isa().name()),
        }
    }

    /// Writes the image in NumPy's format: a header, then the pixels row by row.
    pub fn write_npy(&self, writer: impl Write) -> Result<(), Error>
    where
        T: npy::Element,
    {
        npy::write(&self.pixels(), writer).map_err(|error| Error::failed(format!("image.npy: {error}")))
    }
}

impl<T: Real> Method<T> {
    fn row(&self, row: usize, pixels: &mut [T], scratch: &mut Scratch<T>) {
        match self {
            Self::Scalar(scene) => {
                Scalar::new(scene).row(row, |column, photons| pixels[column] = T::from_f64(photons));
            }
            Self::Vectorized(vectorized) => vectorized.row(row, 0, pixels, scratch),
        }
    }

    /// Whether a block of rows takes no more than some milliseconds.
    fn is_quick(&self) -> bool {
        matches!(self, Self::Vectorized(vectorized) if vectorized.scene.steps() == 1)
    }
}

/// Allocates them, and has the threads touch them, each page once: it belongs to where it is touched first.
fn pixels<T: Real>(size: usize) -> Result<Array2<T>, Error> {
    let mut pixels = Vec::new();
    let count = size.saturating_mul(size);
    pixels.try_reserve_exact(count).map_err(|error| {
        let message = format!("an image of {size} x {size} pixels does not fit: {error}");
        Error::new(ErrorKind::OutOfMemory, message)
    })?;
    pixels.par_extend(repeat_n(T::ZERO, count));
    Array2::from_shape_vec((size, size), pixels)
        .map_err(|error| Error::failed(format!("the shape of the image: {error}")))
}
