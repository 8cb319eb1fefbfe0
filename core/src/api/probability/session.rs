//! A probability in the making: pieces of work that any worker may do in any order, merged in theirs.
//!
//! A piece's numbers depend on the request and the piece's number alone, and merging follows the order of the pieces, so
//! the answer has the same bits whoever computed what.

use super::answer;
use super::extras::{self, Extra};
use super::plan::Plan;
use super::types::ProbabilityResponse;
use crate::api::request::ProbabilityRequest;
use crate::error::{EngineError, ErrorCode};
use crate::probability::{Block, Kernel, Rounds};

/// Share of the whole that sampling is taken to be; the extras are the rest.
const SAMPLING: f64 = 0.7;

/// Marks the number of a piece that is an extra; without it, it is a block's.
const EXTRA: u32 = 1 << 31;

pub struct Session {
    plan: Plan,
    extras: Vec<Extra>,
    /// Numbers of the extras once they are in.
    found: Vec<Vec<f64>>,
    sampling: Option<(Kernel, Rounds)>,
    sampled: bool,
}

impl Session {
    pub fn new(request: &ProbabilityRequest, explain: bool) -> Result<Self, EngineError> {
        let plan = Plan::new(request, explain)?;
        let sampling = plan.closed.is_none().then(|| {
            let kernel = Kernel::new(&plan.job);
            let rounds = Rounds::new(&kernel, &plan.job);
            (kernel, rounds)
        });
        Ok(Self {
            extras: extras::list(&plan),
            plan,
            found: Vec::new(),
            sampled: sampling.is_none(),
            sampling,
        })
    }

    /// Pieces whose numbers are wanted next: those of a round of sampling, at the end those of the extras. Empty when all
    /// is done. The number of a piece says all about it: any session of the same request can do it.
    pub fn pending(&self) -> Vec<u32> {
        match &self.sampling {
            Some((_, rounds)) if !self.sampled => rounds.blocks().into_iter().map(Block::code).collect(),
            _ if self.found.is_empty() => (0..self.extras.len() as u32).map(|k| EXTRA | k).collect(),
            _ => Vec::new(),
        }
    }

    fn block(&self, piece: u32) -> Option<(&Kernel, Block)> {
        Some((&self.sampling.as_ref()?.0, Block::from_code(piece)?))
    }

    /// The numbers of one piece; empty for a number that no piece has.
    pub fn run(&self, piece: u32) -> Vec<f64> {
        if piece & EXTRA != 0 {
            let extra = self.extras.get((piece & !EXTRA) as usize);
            return extra.map(|e| extras::run(&self.plan, *e)).unwrap_or_default();
        }
        self.block(piece)
            .map(|(kernel, block)| kernel.run(block, None))
            .unwrap_or_default()
    }

    /// Steps of paths that a piece of sampling walks; 0 for an extra.
    pub fn path_steps(&self, piece: u32) -> u64 {
        self.block(piece)
            .map_or(0, |(kernel, b)| u64::from(b.to - b.from) * kernel.steps() as u64)
    }

    /// Takes the numbers of all pending pieces, in order; true when nothing is left to do. Refuses numbers that are not
    /// those of the pending pieces, and is then as it was.
    pub fn merge(&mut self, numbers: Vec<Vec<f64>>) -> Result<bool, EngineError> {
        let pending = self.pending();
        let fits = numbers.len() == pending.len()
            && pending
                .iter()
                .zip(&numbers)
                .all(|(piece, n)| n.len() == self.width(*piece));
        if !fits {
            return Err(EngineError::invalid(
                "numbers",
                "must be those of the pending pieces, in their order",
            ));
        }
        match &mut self.sampling {
            Some((_, rounds)) if !self.sampled => self.sampled = rounds.merge(&numbers),
            _ => self.found = numbers,
        }
        Ok(self.sampled && !self.found.is_empty())
    }

    /// How many numbers a piece has.
    fn width(&self, piece: u32) -> usize {
        if piece & EXTRA != 0 {
            let extra = self.extras.get((piece & !EXTRA) as usize);
            return extra.map_or(0, |e| extras::width(&self.plan, *e));
        }
        self.sampling.as_ref().map_or(0, |(kernel, _)| kernel.width())
    }

    /// Share of the work done, as far as it can be told.
    pub fn share(&self) -> f64 {
        match &self.sampling {
            _ if !self.found.is_empty() => 1.0,
            Some((_, rounds)) => SAMPLING * rounds.share(),
            None => 0.0,
        }
    }

    /// The answer so far: after the first round it has probabilities, with the extras it is whole.
    pub fn answer(&self) -> Result<ProbabilityResponse, EngineError> {
        let estimate = match (&self.plan.closed, &self.sampling) {
            (Some(exact), _) => exact.clone(),
            (None, Some((_, rounds))) if rounds.begun() => rounds.estimate(),
            _ => {
                return Err(EngineError::new(
                    ErrorCode::NotConverged,
                    "request",
                    "has no answer yet: no round of it has been merged",
                ));
            }
        };
        let Some(lenses) = &self.plan.lenses else {
            return Ok(answer::compose(&self.plan, estimate, &self.extras, &self.found));
        };
        let mut found = self.found.clone();
        for (extra, numbers) in self.extras.iter().zip(&mut found) {
            lenses.extra(*extra, numbers);
        }
        let read = lenses.estimate(&estimate, &self.plan.job.judged, self.plan.target);
        Ok(answer::compose(&self.plan, read, &self.extras, &found))
    }
}
