//! The weights of the score, fitted.

use crate::answer::{Answer, SCORE_MIN};
use crate::query::Query;
use rayon::prelude::*;
use xincha::index::{Distance, Likes, Listed};
use xincha::text::likeness::{PARTS, Part};

/// What keeps the weights from growing without bound where a part decides alone: it draws them to [`prior`].
const RIDGE: f64 = 1.0;
/// Steps of Newton's method at most, and a step that is none.
const ROUNDS: usize = 40;
const STILL: f64 = 1e-6;

/// What a part weighs where the pairs tell nothing. They hardly have groups or branches beside their companies,
/// which are two by what is known of them.
fn prior(part: usize) -> Option<f64> {
    match Part::ALL[part] {
        Part::Base => None,
        Part::GroupMissing | Part::BranchMissing => Some(-6.0),
        _ => Some(0.0),
    }
}

/// Fit the weights on queries of even number and print them.
pub fn fit(listed: Listed, queries: &[Query]) {
    let seen: Vec<&Query> = queries.iter().step_by(2).collect();
    let pairs: Vec<([f64; PARTS], bool)> = seen
        .par_iter()
        .map_init(Likes::default, |likes, query| {
            let found = likes.of(listed, &query.text, 0.0, Distance::TwoEdits).to_vec();
            let truth = Answer::of(likes, listed, query);
            found
                .into_iter()
                .zip(truth.all)
                .map(|(like, (_, is_true))| (like.likeness.parts, is_true))
                .collect::<Vec<_>>()
        })
        .flatten()
        .collect();
    println!("{} pairs, {} of them true", pairs.len(), pairs.iter().filter(|pair| pair.1).count());
    let mut weights = [0.0; PARTS];
    for round in 0..ROUNDS {
        let moved = newton(&pairs, &mut weights, prior);
        println!("round {round}: moved by {moved:.6}");
        if moved < STILL {
            break;
        }
    }
    stretch(&pairs, &mut weights);
    for weight in weights {
        println!("    {weight:.3},");
    }
}

/// Make the scores hold where they are told: most pairs are far below, and the ridge draws the others to the middle
/// (Platt, *Probabilistic outputs for support vector machines*, 1999).
fn stretch(pairs: &[([f64; PARTS], bool)], weights: &mut [f64; PARTS]) {
    let told: Vec<([f64; 2], bool)> = pairs
        .iter()
        .map(|(parts, is_true)| ([1.0, odds(parts, weights)], *is_true))
        .filter(|([_, odds], _)| probability(*odds) >= SCORE_MIN)
        .collect();
    let mut line = [0.0, 1.0];
    for _ in 0..ROUNDS {
        if newton(&told, &mut line, |_| None) < STILL {
            break;
        }
    }
    println!("{} pairs are told: {:.3} and {:.3} times the odds", told.len(), line[0], line[1]);
    weights.iter_mut().for_each(|weight| *weight *= line[1]);
    weights[Part::Base as usize] += line[0];
}

fn odds<const N: usize>(parts: &[f64; N], weights: &[f64; N]) -> f64 {
    parts.iter().zip(weights).map(|(part, weight)| part * weight).sum()
}

fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// A step of Newton's method for logistic regression with a ridge to where `prior` tells; how far it moved.
fn newton<const N: usize>(
    pairs: &[([f64; N], bool)],
    weights: &mut [f64; N],
    prior: impl Fn(usize) -> Option<f64>,
) -> f64 {
    let now = *weights;
    let zero = || (vec![0.0; N], vec![0.0; N * N]);
    let (mut gradient, mut hessian) = pairs
        .par_iter()
        .fold(zero, |(mut gradient, mut hessian), (parts, is_true)| {
            let probability = probability(odds(parts, &now));
            let (error, spread) =
                (f64::from(*is_true) - probability, probability * (1.0 - probability));
            let seen: Vec<usize> = (0..N).filter(|&part| parts[part] != 0.0).collect();
            for &i in &seen {
                gradient[i] += error * parts[i];
                for &j in &seen {
                    hessian[i * N + j] += spread * parts[i] * parts[j];
                }
            }
            (gradient, hessian)
        })
        .reduce(zero, |(mut a, mut b), (c, d)| {
            a.iter_mut().zip(c).for_each(|(a, c)| *a += c);
            b.iter_mut().zip(d).for_each(|(b, d)| *b += d);
            (a, b)
        });
    for i in 0..N {
        let Some(prior) = prior(i) else { continue };
        gradient[i] -= RIDGE * (now[i] - prior);
        hessian[i * N + i] += RIDGE;
    }
    let step = solve(&mut hessian, &mut gradient);
    // A step too long would overshoot where classes are nearly apart.
    let longest = step.iter().fold(0.0, |longest: f64, step| longest.max(step.abs()));
    let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
    weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += step * scale);
    longest
}

/// Gauss with pivots; the matrix is destroyed.
fn solve(matrix: &mut [f64], right: &mut [f64]) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| matrix[a * n + column].abs().total_cmp(&matrix[b * n + column].abs()))
            .expect("a row");
        (0..n).for_each(|at| matrix.swap(column * n + at, pivot * n + at));
        right.swap(column, pivot);
        let divisor = matrix[column * n + column];
        if divisor.abs() < 1e-12 {
            continue;
        }
        for row in (0..n).filter(|&row| row != column) {
            let factor = matrix[row * n + column] / divisor;
            (column..n).for_each(|at| matrix[row * n + at] -= factor * matrix[column * n + at]);
            right[row] -= factor * right[column];
        }
    }
    (0..n)
        .map(|at| {
            let divisor = matrix[at * n + at];
            if divisor.abs() < 1e-12 { 0.0 } else { right[at] / divisor }
        })
        .collect()
}
