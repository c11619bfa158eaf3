//! Intervals and differences over seeds.

use wirelab::{
    stats::{Histogram, Percentile, Ratios, Seeds, ci95, paired},
    unit::random::{ChaCha8Rng, generator, unit},
};

const MEAN: f64 = 20e3;

fn exponential(rng: &mut ChaCha8Rng) -> u64 {
    (-MEAN * libm::log(1.0 - unit(rng))) as u64
}

fn seeds(rng: &mut ChaCha8Rng, seeds: usize, messages: usize) -> Seeds {
    let histograms: Vec<Histogram> =
        (0..seeds).map(|_| (0..messages).map(|_| exponential(rng)).collect()).collect();
    Seeds::new(&histograms)
}

/// 95% of 200 intervals contain the true value, to within three standard errors (4.6 points). Each of `n` seeds has 40
/// messages with exponentially distributed latencies.
fn covers(n: usize, truth: f64, interval: impl Fn(&Seeds) -> Option<[f64; 2]>) {
    const TRIALS: usize = 200;
    let mut rng = generator(7, n as u64);
    let held = (0..TRIALS)
        .filter(|_| {
            let [low, high] = interval(&seeds(&mut rng, n, 40)).unwrap();
            low <= truth && truth <= high
        })
        .count();
    let tolerance = 3.0 * (0.95 * 0.05 / TRIALS as f64).sqrt();
    let share = held as f64 / TRIALS as f64;
    assert!((share - 0.95).abs() <= tolerance, "{n} seeds: {share}");
}

#[test]
fn intervals_hold_the_mean_95_times_in_100() {
    covers(5, MEAN, |pool| ci95(&pool.mean()));
    covers(15, MEAN, |pool| ci95(&pool.mean()));
}

#[test]
fn intervals_hold_the_median_95_times_in_100() {
    let median = MEAN * std::f64::consts::LN_2;
    covers(8, median, |pool| ci95(&pool.percentile(Percentile::P50)));
}

#[test]
fn disjoint_seeds_of_one_distribution_do_not_differ() {
    let mut rng = generator(11, 0);
    let (a, b) = (seeds(&mut rng, 30, 1000), seeds(&mut rng, 30, 1000));
    for percentile in [Percentile::P50, Percentile::P99] {
        let seen = paired(&a.percentile(percentile), &b.percentile(percentile)).unwrap();
        let [low, high] = seen.ci95.unwrap();
        assert!(low <= 0.0 && 0.0 <= high, "{seen:?}");
    }
    let [low, high] = paired(&a.mean(), &b.mean()).unwrap().ci95.unwrap();
    assert!(low <= 0.0 && 0.0 <= high);
}

#[test]
fn pairing_removes_what_the_seeds_share() {
    let mut rng = generator(13, 0);
    let slow: Vec<u64> = (0..30).map(|_| exponential(&mut rng)).collect();
    let cell = |more: u64| {
        let one = |seed: &u64| [seed + more].into_iter().collect::<Histogram>();
        Seeds::new(&slow.iter().map(one).collect::<Vec<_>>())
    };
    let seen = paired(&cell(1_000_000).mean(), &cell(0).mean()).unwrap();
    let [low, high] = seen.ci95.unwrap();
    assert!((seen.difference - 1e6).abs() < 1.0);
    assert!(high - low < 1.0, "every seed differs by the same");
}

#[test]
fn ratios_have_intervals_too() {
    let ratios = Ratios::new((0..30).map(|seed| (seed % 5, 100)).collect());
    let [low, high] = ci95(&ratios).unwrap();
    assert!(0.01 < low && low < 0.02 && 0.02 < high && high < 0.03);
}

#[test]
fn one_seed_or_a_seed_of_another_number_shows_nothing() {
    let mut rng = generator(17, 0);
    let (one, two) = (seeds(&mut rng, 1, 100), seeds(&mut rng, 2, 100));
    assert_eq!(ci95(&one.mean()), None);
    assert_eq!(paired(&one.mean(), &two.mean()), None);
    assert_eq!(paired(&one.mean(), &one.mean()).unwrap().ci95, None);
}

#[test]
fn the_same_seeds_give_the_same_interval() {
    let pool = seeds(&mut generator(19, 0), 30, 100);
    assert_eq!(ci95(&pool.mean()), ci95(&pool.mean()));
}
