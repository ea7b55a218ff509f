//! [`Sample`]: which pixels the self-check compares.
//!
//! The image is cut into `strata` x `strata` fields of nearly equal size and one pixel is taken from each,
//! at a place that depends on the field alone: the same for every run, yet no lattice that could hide a
//! periodic fault. All pixels around the beam's foot, where the image is brightest and the arithmetic most
//! delicate, are added. A small image is compared whole. Used by [`crate::check`].

use std::ops::Range;

/// Half the edge of the square around the beam's foot that is compared whole.
const CENTRE: usize = 32;

/// A set of pixels of a `size` x `size` image, in bands of neighbouring rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    size: usize,
    strata: usize,
}

impl Sample {
    /// At least `least` pixels, or all of the image when it has no more. `size` is at least 1.
    pub fn new(size: usize, least: u64) -> Self {
        let edge = least.isqrt() + u64::from(!is_square(least));
        Self { size, strata: size.min(edge as usize) }
    }

    /// How many bands there are.
    pub fn bands(&self) -> usize {
        self.strata
    }

    /// The pixels (row, column) of one band: those of its strata outside the centre, and its rows of the
    /// centre. No pixel is in the sample twice.
    pub fn band(&self, band: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let sample = *self;
        let centre = sample.centre();
        let rows = sample.stratum(band);
        let whole = rows.clone().filter(move |row| sample.centre().contains(row));
        let whole = whole.flat_map(move |row| sample.centre().map(move |column| (row, column)));
        let strata = (0..sample.strata).map(move |column| {
            let random = scrambled((band * sample.strata + column) as u64);
            (within(rows.clone(), random >> 32), within(sample.stratum(column), random & 0xffff_ffff))
        });
        strata.filter(move |(row, column)| !(centre.contains(row) && centre.contains(column))).chain(whole)
    }

    /// The rows, and the columns, of the square around the beam's foot.
    fn centre(&self) -> Range<usize> {
        let foot = self.size / 2 + 1;
        foot.saturating_sub(CENTRE)..(foot + CENTRE).min(self.size)
    }

    fn stratum(&self, index: usize) -> Range<usize> {
        index * self.size / self.strata..(index + 1) * self.size / self.strata
    }
}

fn is_square(number: u64) -> bool {
    number.isqrt().pow(2) == number
}

/// The place in `range` that 32 random bits name.
fn within(range: Range<usize>, random: u64) -> usize {
    range.start + ((range.len() as u64 * random) >> 32) as usize
}

/// A well-mixed function of its argument: the output step of `SplitMix64` (Steele, Lea and Flood, OOPSLA
/// 2014).
fn scrambled(index: u64) -> u64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Sample;

    fn pixels(size: usize, least: u64) -> Vec<(usize, usize)> {
        let sample = Sample::new(size, least);
        (0..sample.bands()).flat_map(|band| sample.band(band)).collect()
    }

    #[test]
    fn a_small_image_is_compared_whole_and_each_pixel_once() {
        for size in [1, 2, 3, 17, 64, 65, 255, 256] {
            let pixels = pixels(size, 65_536);
            assert_eq!(pixels.len(), size * size, "size {size}");
            assert_eq!(pixels.iter().collect::<HashSet<_>>().len(), size * size, "size {size}");
        }
    }

    #[test]
    fn a_large_image_is_compared_at_no_fewer_places_than_asked_and_each_once() {
        for (size, least) in [(257, 65_536), (300, 65_537), (1024, 65_536), (4096, 65_536), (4096, 200_000)] {
            let pixels = pixels(size, least);
            assert!(pixels.len() as u64 >= least, "{size}, {least}: {}", pixels.len());
            assert!(pixels.len() as u64 <= least + 2 * least.isqrt() + 1 + 4096);
            assert!(pixels.iter().all(|&(row, column)| row < size && column < size));
            assert_eq!(pixels.iter().collect::<HashSet<_>>().len(), pixels.len());
        }
    }

    #[test]
    fn the_pixels_around_the_beam_are_always_there() {
        let pixels: HashSet<_> = pixels(4096, 65_536).into_iter().collect();
        for row in 2017..2081 {
            for column in 2017..2081 {
                assert!(pixels.contains(&(row, column)), "({row}, {column})");
            }
        }
    }

    #[test]
    fn every_stratum_gives_a_pixel_and_their_places_differ() {
        let pixels = pixels(4096, 65_536);
        let strata: HashSet<_> = pixels.iter().map(|(row, column)| (row / 16, column / 16)).collect();
        assert_eq!(strata.len(), 256 * 256);
        let places: HashSet<_> = pixels.iter().map(|(row, column)| (row % 16, column % 16)).collect();
        assert_eq!(places.len(), 16 * 16);
    }
}
