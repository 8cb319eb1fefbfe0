//! Minimum of a smooth function without constraints: BFGS with numerical gradients.

/// Where it ended.
pub(super) struct Minimum {
    pub at: Vec<f64>,
    pub value: f64,
    pub converged: bool,
    pub iterations: usize,
}

const MOST_ITERATIONS: usize = 300;

fn gradient(f: &dyn Fn(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
    let mut probe = x.to_vec();
    (0..x.len())
        .map(|i| {
            let h = 1e-5 * x[i].abs().max(1.0);
            probe[i] = x[i] + h;
            let up = f(&probe);
            probe[i] = x[i] - h;
            let down = f(&probe);
            probe[i] = x[i];
            (up - down) / (2.0 * h)
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Broyden, Fletcher, Goldfarb, Shanno with backtracking (Nocedal and Wright, Numerical Optimization, 2006, ch. 6).
pub(super) fn minimise(f: &dyn Fn(&[f64]) -> f64, start: &[f64], tolerance: f64) -> Minimum {
    let n = start.len();
    let mut x = start.to_vec();
    let mut value = f(&x);
    let mut g = gradient(f, &x);
    let unit = |scale: f64| -> Vec<Vec<f64>> {
        (0..n)
            .map(|i| (0..n).map(|j| if i == j { scale } else { 0.0 }).collect())
            .collect()
    };
    let mut inverse = unit(1.0 / dot(&g, &g).sqrt().max(1.0));
    let mut fresh = true;
    let mut calm = 0;
    for iteration in 0..MOST_ITERATIONS {
        let direction: Vec<f64> = inverse.iter().map(|row| -dot(row, &g)).collect();
        let slope = dot(&direction, &g);
        let mut step = 1.0;
        let mut found = None;
        while step > 1e-10 {
            let next: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            let v = f(&next);
            if v.is_finite() && v <= value + 1e-4 * step * slope {
                found = Some((next, v));
                break;
            }
            step *= 0.5;
        }
        let Some((next, v)) = found.filter(|_| slope < 0.0) else {
            if fresh {
                return Minimum {
                    at: x,
                    value,
                    converged: true,
                    iterations: iteration,
                };
            }
            inverse = unit(1.0 / dot(&g, &g).sqrt().max(1.0));
            fresh = true;
            continue;
        };
        let after = gradient(f, &next);
        let s: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = after.iter().zip(&g).map(|(a, b)| a - b).collect();
        let sy = dot(&s, &y);
        // Two steps in a row without gain, not one: a short step may only have been a bad direction.
        calm = if value - v < tolerance * (1.0 + value.abs()) {
            calm + 1
        } else {
            0
        };
        (x, value, g) = (next, v, after);
        if calm >= 3 {
            return Minimum {
                at: x,
                value,
                converged: true,
                iterations: iteration,
            };
        }
        fresh = false;
        if sy > 1e-12 {
            let hy: Vec<f64> = inverse.iter().map(|row| dot(row, &y)).collect();
            let yhy = dot(&y, &hy);
            for i in 0..n {
                for j in 0..n {
                    inverse[i][j] += (1.0 + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
                }
            }
        }
    }
    Minimum {
        at: x,
        value,
        converged: false,
        iterations: MOST_ITERATIONS,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_finds_the_bottom_of_rosenbrocks_valley() {
        let f = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let m = super::minimise(&f, &[-1.2, 1.0], 1e-14);
        assert!(
            m.converged && (m.at[0] - 1.0).abs() < 1e-4 && (m.at[1] - 1.0).abs() < 1e-4,
            "{:?}",
            m.at
        );
    }
}
