//! The page's entry point.

fn main() {
    headroom_app::start();
}
