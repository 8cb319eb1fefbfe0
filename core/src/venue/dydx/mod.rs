//! dYdX v4 perpetuals. Live feed not yet wired: rules work from typed input and the snapshot.

pub mod rule;
