//! A request whose work is shared between workers: each makes the same run from the same text, does the pieces it is given,
//! and one of them merges all numbers. See [`super::probability::Session`] for what a piece is.

use super::probability::Session;
use super::request::{EngineRequest, Envelope};
use super::{Tagged, failure};
use crate::api::response::EngineResponse;
use crate::error::EngineError;
use serde_json::Value;

pub struct Run {
    id: Option<Value>,
    session: Session,
}

impl Run {
    /// Reads a request as [`super::evaluate_json`] does; the error is what that would answer, as JSON text.
    pub fn start(text: &str) -> Result<Self, String> {
        let refuse = |id: Option<&Value>, error: EngineError| failure(id, &error).to_string();
        let envelope = Envelope::parse(text).map_err(|(id, e)| refuse(id.as_ref(), e))?;
        let EngineRequest::Probability(request) = &envelope.request else {
            return Err(refuse(
                envelope.id.as_ref(),
                EngineError::unsupported("op", "cannot be shared between workers: only probability can"),
            ));
        };
        match Session::new(request, envelope.explain) {
            Ok(session) => Ok(Self {
                id: envelope.id,
                session,
            }),
            Err(e) => Err(refuse(envelope.id.as_ref(), e)),
        }
    }

    /// Pieces whose numbers are wanted next; empty when all is done.
    pub fn pending(&self) -> Vec<u32> {
        self.session.pending()
    }

    /// The numbers of a piece, pending or still to come.
    pub fn piece(&self, number: u32) -> Vec<f64> {
        self.session.run(number)
    }

    /// Steps of paths that a piece walks.
    pub fn path_steps(&self, number: u32) -> u64 {
        self.session.path_steps(number)
    }

    /// Takes the numbers of all pending pieces in order; true when nothing is left to do. Numbers of other pieces are refused.
    pub fn merge(&mut self, numbers: Vec<Vec<f64>>) -> Result<bool, EngineError> {
        self.session.merge(numbers)
    }

    /// Share of the work done, 0 to 1.
    pub fn share(&self) -> f64 {
        self.session.share()
    }

    /// The answer so far, as JSON text; an error before the first merge.
    pub fn answer(&self) -> String {
        let response = match self.session.answer() {
            Ok(answer) => EngineResponse::Probability(Box::new(answer)),
            Err(error) => return failure(self.id.as_ref(), &error).to_string(),
        };
        serde_json::to_string(&Tagged {
            id: &self.id,
            response: &response,
        })
        .unwrap_or_else(|e| failure(None, &EngineError::unsupported("result", e)).to_string())
    }
}
