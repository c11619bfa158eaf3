//! Scales: from values to coordinates on an axis.

/// Maps values to coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    is_log: bool,
    domain: [f64; 2],
    range: [f64; 2],
}

impl Scale {
    /// Equal steps for equal differences. An empty domain is widened.
    pub(super) fn linear(domain: [f64; 2], range: [f64; 2]) -> Self {
        let [low, high] = domain;
        let high = if high > low { high } else { low + 1.0 };
        Self { is_log: false, domain: [low, high], range }
    }

    /// Equal steps for equal ratios. Both ends are positive.
    pub(super) fn log(domain: [f64; 2], range: [f64; 2]) -> Self {
        let low = domain[0].max(f64::MIN_POSITIVE);
        let high = if domain[1] > low { domain[1] } else { low * 10.0 };
        Self { is_log: true, domain: [low, high], range }
    }

    /// The coordinate of a value. Values outside the domain are clamped to it.
    pub(super) fn at(&self, value: f64) -> f64 {
        let [low, high] = self.domain.map(|end| self.warp(end));
        let part = (self.warp(value.clamp(self.domain[0], self.domain[1])) - low) / (high - low);
        self.range[0] + part * (self.range[1] - self.range[0])
    }

    /// The scale for scripts: the ends of the domain, then those of the range.
    pub(super) fn data(&self) -> String {
        let ends = self.domain.iter().chain(&self.range).map(f64::to_string);
        ends.collect::<Vec<_>>().join(" ")
    }

    /// Round values within the domain, about `most` of them.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        if self.is_log { self.log_ticks(most) } else { self.linear_ticks(most) }
    }

    fn warp(&self, value: f64) -> f64 {
        if self.is_log { libm::log10(value.max(self.domain[0])) } else { value }
    }

    fn linear_ticks(&self, most: usize) -> Vec<f64> {
        let [low, high] = self.domain;
        let rough = (high - low) / most.max(1) as f64;
        let decade = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = libm::ceil(low / step) as i64;
        let last = libm::floor(high / step + 1e-9) as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    fn log_ticks(&self, most: usize) -> Vec<f64> {
        let [low, high] = self.domain;
        let (first, last) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
        let within = |steps: &[f64]| -> Vec<f64> {
            let all = (first..=last).flat_map(|decade| steps.iter().map(move |step| (decade, *step)));
            let values = all.map(|(decade, step)| step * libm::pow(10.0, f64::from(decade)));
            values.filter(|value| (low * 0.999_999..=high * 1.000_001).contains(value)).collect()
        };
        let kinds: [&[f64]; 6] = [
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
            &[1.0, 2.0, 3.0, 5.0],
            &[1.0, 2.0, 5.0],
            &[1.0],
        ];
        let fitting = kinds.iter().map(|steps| within(steps)).find(|ticks| ticks.len() <= most);
        fitting.unwrap_or_else(|| {
            let decades = within(&[1.0]);
            let every = decades.len().div_ceil(most.max(1));
            decades.into_iter().step_by(every).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_domain_are_the_ends_of_the_range() {
        for scale in [Scale::linear([5.0, 10.0], [100.0, 0.0]), Scale::log([5.0, 10.0], [100.0, 0.0])] {
            assert!((scale.at(5.0) - 100.0).abs() < 1e-9);
            assert!(scale.at(10.0).abs() < 1e-9);
            assert_eq!(scale.at(11.0), scale.at(10.0));
        }
    }

    #[test]
    fn ticks_are_round_and_within_the_domain() {
        assert_eq!(
            Scale::linear([0.0, 1.0], [0.0, 1.0]).ticks(5),
            [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
        );
        assert_eq!(Scale::log([40.0, 600.0], [0.0, 1.0]).ticks(6), [50.0, 100.0, 200.0, 300.0, 500.0]);
        assert_eq!(Scale::log([1e-5, 1.0], [0.0, 1.0]).ticks(6).len(), 6);
        assert!(Scale::log([1e-9, 1e9], [0.0, 1.0]).ticks(6).len() <= 6);
    }

    #[test]
    fn an_empty_domain_still_has_places() {
        assert!(Scale::linear([3.0, 3.0], [0.0, 1.0]).at(3.0).is_finite());
        assert!(Scale::log([0.0, 0.0], [0.0, 1.0]).at(0.0).is_finite());
    }
}
