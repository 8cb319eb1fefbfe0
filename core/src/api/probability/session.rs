//! A probability in the making: pieces of work that any worker may do in any order, merged in theirs.
//!
//! A piece's numbers depend on the request and the piece alone, and merging follows the order of the pieces, so the answer
//! has the same bits whoever computed what.

use super::answer;
use super::extras::{self, Extra};
use super::plan::Plan;
use super::types::ProbabilityResponse;
use crate::api::request::ProbabilityRequest;
use crate::error::EngineError;
use crate::probability::{Block, Estimate, Kernel, Rounds};

pub struct Session {
    plan: Plan,
    extras: Vec<Extra>,
    /// Numbers of the extras once they are in.
    found: Vec<Vec<f64>>,
    sampling: Option<(Kernel, Rounds)>,
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
            sampling,
        })
    }

    fn blocks(&self) -> Vec<Block> {
        self.sampling
            .as_ref()
            .map(|(_, rounds)| rounds.blocks())
            .unwrap_or_default()
    }

    fn waiting(&self) -> &[Extra] {
        if self.found.is_empty() { &self.extras } else { &[] }
    }

    /// Pieces of the present round.
    pub fn units(&self) -> usize {
        self.blocks().len() + self.waiting().len()
    }

    /// The numbers of one piece; empty for a number out of range.
    pub fn run(&self, unit: usize) -> Vec<f64> {
        let blocks = self.blocks();
        match (blocks.get(unit), &self.sampling) {
            (Some(block), Some((kernel, _))) => kernel.run(*block, None),
            _ => self
                .waiting()
                .get(unit - blocks.len())
                .map(|e| extras::run(&self.plan, *e))
                .unwrap_or_default(),
        }
    }

    /// Takes the numbers of all pieces of the round, in order; true when that was the last round.
    pub fn merge(&mut self, mut numbers: Vec<Vec<f64>>) -> bool {
        let extras = numbers.split_off(self.blocks().len().min(numbers.len()));
        if self.found.is_empty() {
            self.found = extras;
        }
        self.sampling.as_mut().is_none_or(|(_, rounds)| rounds.merge(&numbers))
    }

    /// Share of the work done, as far as it can be told.
    pub fn share(&self) -> f64 {
        self.sampling.as_ref().map_or(1.0, |(_, rounds)| rounds.share())
    }

    pub fn answer(self) -> ProbabilityResponse {
        let estimate: Option<Estimate> = self.plan.closed.clone();
        let estimate = estimate.or_else(|| self.sampling.as_ref().map(|(_, rounds)| rounds.estimate()));
        answer::compose(self.plan, estimate, &self.extras, &self.found)
    }
}
