//! GMX v2 pools. Live feed not yet wired: rules work from typed input and the snapshot.

pub mod pool;
pub mod rule;
