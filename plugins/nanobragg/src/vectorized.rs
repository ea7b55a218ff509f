//! [`Vectorized`]: the image by segments of rows, in the image's own type: the fast variant.
//!
//! Everything that does not depend on the pixel is worked out here, in float64, and handed to the loops of
//! [`crate::segment`] as a few numbers: for a row and sub-pixel where the pixels lie, for a source and an
//! orientation how indices follow from directions. The frame is the beam's: a pixel is (x1, x2, xb), xb along the
//! beam, in units of the distance. Nothing may come from [`crate::scalar`], which checks this.

use crate::config::Shape;
use crate::form::AnyForm;
use crate::isa::Isa;
use crate::orientation::Cell;
use crate::real::Real;
use crate::scene::Scene;
use crate::segment::{SEGMENT, Scratch, segment};
use crate::single::Single;
use crate::vector::{Vector, cross, dot, minus, plus, scaled, unit};

/// The vectorized variant for one scene.
#[derive(Clone, Debug)]
pub struct Vectorized<T> {
    isa: Isa,
    /// The scene, its structure factors aside as squares.
    pub(crate) scene: Scene,
    pub(crate) form: AnyForm<T>,
    /// Structure factors, as [`crate::reflections::Reflections::values`] orders them: where one interpolates
    /// between them themselves, otherwise their squares.
    pub(crate) factors: Vec<T>,
    pub(crate) frame: Frame,
    /// Column indices less the one where the beam meets the detector, or one near it: exact in either type.
    columns: Vec<T>,
    /// That row and column, to the nearest half.
    middle: [f64; 2],
    /// Whether no pixel lies behind the crystal.
    pub(crate) front: bool,
    single: Option<Single<T>>,
}

/// Axes across and along the beam, and the unit of length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Across the beam, the second as near to the rows as can be; then along it.
    pub axes: [Vector; 3],
    /// The unit of length, in m.
    pub unit: f64,
    /// From a column to the next, in that frame and unit. The first is 0.
    pub step: Vector,
    /// From a row to the next.
    row_step: Vector,
}

impl Frame {
    fn new(scene: &Scene) -> Self {
        let detector = &scene.detector;
        let beam = scene.beam.direction;
        let across = |axis: Vector| minus(axis, scaled(beam, dot(axis, beam)));
        // A detector whose rows lie along the beam has its columns across it.
        let second =
            [detector.fast, detector.slow].map(across).into_iter().find(|axis| dot(*axis, *axis) > 1e-6);
        let second = unit(second.unwrap_or_else(|| across([0.0, 0.0, 1.0])));
        let mut frame = Self {
            axes: [cross(beam, second), second, beam],
            unit: detector.distance.abs(),
            step: [0.0; 3],
            row_step: [0.0; 3],
        };
        let pixel = detector.pixel / frame.unit;
        // What rounding leaves of a right angle would cost a multiplication for every pixel.
        let step = |axis| scaled(cleaned(frame.turned(axis), 1e-14), pixel);
        (frame.step, frame.row_step) = (step(detector.fast), step(detector.slow));
        frame
    }

    /// The components of a vector along these axes.
    pub fn turned(&self, vector: Vector) -> Vector {
        self.axes.map(|axis| dot(axis, vector))
    }

    /// A point in units of length.
    pub fn place(&self, point: Vector) -> Vector {
        scaled(self.turned(point), 1.0 / self.unit)
    }
}

/// By what power of two the terms of Gaussian spots are added up too high, so that those that are too small for
/// the type are not lost where the image itself is not. Neither the greatest sum nor what takes the power back at
/// the end may leave the type.
fn doublings<T: Real>(scene: &Scene) -> i32 {
    // Solid angles that multiply the running sum may be greater than 1, again and again.
    if scene.crystal.shape != Shape::Gauss || scene.each.omega {
        return 0;
    }
    let terms = scene.steps() as f64 * f64::from(scene.layers());
    let squares = scene.reflections.values().iter().map(|factor| factor * factor);
    // Structure factors are part of the terms or, where all are the same, of what is multiplied by at the end.
    let greatest = squares.fold(0.0, f64::max);
    let cells: f64 = scene.crystal.cells.iter().map(|cells| f64::from(*cells)).product();
    let (sum, scale) = (terms * greatest.max(1.0), scene.scale() * greatest.min(1.0));
    let detector = &scene.detector;
    let solid_angle = (detector.pixel / detector.distance).powi(2).min(1.0);
    let room = f64::from(T::HEADROOM) - sum.log2();
    let back = f64::from(T::HEADROOM) - 20.0 + (scale * cells * cells * solid_angle).log2();
    room.min(back).clamp(0.0, f64::from(T::HEADROOM)) as i32
}

/// A vector without what is only rounding: its parts of at most `rounding` are 0.
fn cleaned(vector: Vector, rounding: f64) -> Vector {
    vector.map(|part| if part.abs() <= rounding { 0.0 } else { part })
}

/// How Miller indices follow from a change of direction: `index = terms . (d1, d2, db - 1) + offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indices<T> {
    pub terms: [[T; 3]; 3],
    pub offsets: [T; 3],
}

impl<T: Real> Vectorized<T> {
    /// Works out what does not depend on the pixel, for the best instructions of this CPU.
    pub fn new(scene: &Scene) -> Self {
        Self::with(scene, Isa::best(), false)
    }

    /// The same for chosen instructions; `any` as in [`AnyForm::new`].
    pub fn with(scene: &Scene, isa: Isa, any: bool) -> Self {
        let size = scene.size as f64;
        let frame = Frame::new(scene);
        let form = AnyForm::new(&scene.crystal, any, doublings::<T>(scene));
        // Where x1 and x2 are 0, to the nearest half: what is counted from there is exact.
        let nearest =
            |foot: f64| if foot.is_finite() { (2.0 * foot.clamp(-1e6, 1e6)).round() / 2.0 } else { 0.0 };
        let row = nearest(-frame.place(scene.detector.point(0.0, 0.0, 0.0))[0] / frame.row_step[0]);
        let column = nearest(-frame.place(scene.detector.point(row, 0.0, 0.0))[1] / frame.step[1]);
        let ahead = |(row, column)| dot(scene.detector.point(row, column, 0.0), scene.beam.direction) > 0.0;
        let front = [(-1.0, -1.0), (-1.0, size), (size, -1.0), (size, size)].into_iter().all(ahead);
        let kept = |factor: f64| if scene.interpolate { factor } else { factor * factor };
        let factors = scene.reflections.values().iter().map(|factor| T::from_f64(kept(*factor))).collect();
        let mut vectorized = Self {
            isa,
            scene: scene.clone(),
            form,
            factors,
            frame,
            columns: (0..scene.size).map(|index| T::from_f64(index as f64 - column)).collect(),
            middle: [row, column],
            front,
            single: None,
        };
        vectorized.single = Single::new(&vectorized);
        vectorized
    }

    /// The instructions that it runs with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Computes the pixels of `row` from the column `first` on. A function of its own, so that a profile names
    /// the row.
    #[inline(never)]
    pub fn row(&self, row: usize, first: usize, pixels: &mut [T], scratch: &mut Scratch<T>) {
        let columns = &self.columns[first..first + pixels.len()];
        if let Some(single) = &self.single {
            let origin = self.origin(row, 0, [0, 0]);
            single.row(self.isa, origin, columns, pixels);
            return;
        }
        for (pixels, columns) in pixels.chunks_mut(SEGMENT).zip(columns.chunks(SEGMENT)) {
            segment(self, row, columns, pixels, scratch);
        }
    }

    /// Where the sub-pixel `part` (slow, fast) of the middle column lies in `layer`, in the frame.
    pub(crate) fn origin(&self, row: usize, layer: u32, part: [u32; 2]) -> Vector {
        let [slow, fast] = part.map(|part| (f64::from(part) + 0.5) / f64::from(self.scene.oversample) - 0.5);
        let depth = self.scene.detector.sensor.map_or(0.0, |sensor| f64::from(layer) * sensor.step);
        let [middle_row, middle_column] = self.middle;
        let middle = self.scene.detector.point(middle_row + slow, middle_column + fast, depth);
        // A foot of the beam that is meant to be on a pixel's corner stays there.
        let middle = cleaned(self.frame.place(middle), 1e-13);
        plus(middle, scaled(self.frame.row_step, row as f64 - middle_row))
    }

    /// The indices of `cell` in the light of the source number `source`.
    pub(crate) fn indices(&self, source: usize, cell: &Cell) -> Indices<T> {
        let source = &self.scene.beam.sources[source];
        let terms = cell.map(|edge| scaled(edge, 1.0 / source.wavelength));
        let beside = minus(self.scene.beam.direction, source.incident);
        Indices {
            offsets: terms.map(|edge| T::from_f64(dot(edge, beside))),
            terms: terms.map(|edge| self.frame.turned(edge).map(T::from_f64)),
        }
    }
}
