//! `headroom [FILE…]`: one JSON request a line in, one JSON result a line out, in order.
//!
//! Exit code 0 if every line succeeded, 1 if one did not, 2 for unusable arguments.

use headroom_core::evaluate_json;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::process::ExitCode;

/// Longest line read; a longer one is answered with an error and skipped.
const MAX_LINE: u64 = 128_000_000;

const HELP: &str = "headroom [FILE…]\n\nReads one JSON request per line from the files, or from standard input, and writes one JSON result per line.\nTry: echo '{\"op\":\"describe\"}' | headroom";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(option) = arguments.iter().find(|a| a.starts_with('-') && *a != "-") {
        eprintln!("headroom: unknown option {option}\n\n{HELP}");
        return ExitCode::from(2);
    }
    let mut run = Run {
        out: BufWriter::new(io::stdout().lock()),
        lines: 0,
        failed: 0,
        show_progress: io::stderr().is_terminal(),
    };
    let result = if arguments.is_empty() {
        run.answer(BufReader::with_capacity(1 << 20, io::stdin().lock()))
    } else {
        arguments.iter().try_for_each(|path| {
            if path == "-" {
                return run.answer(BufReader::with_capacity(1 << 20, io::stdin().lock()));
            }
            let file = File::open(path).map_err(|e| io::Error::new(e.kind(), format!("{path}: {e}")))?;
            run.answer(BufReader::with_capacity(1 << 20, file))
        })
    };
    run.finish(result)
}

struct Run<W: Write> {
    out: W,
    lines: u64,
    failed: u64,
    show_progress: bool,
}

impl<W: Write> Run<W> {
    fn answer(&mut self, mut input: BufReader<impl Read>) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // Who asks line by line waits for this answer before the next question.
            if input.buffer().is_empty() {
                self.out.flush()?;
            }
            if (&mut input).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let too_long = line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n');
            if too_long {
                skip_line(&mut input)?;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let answer = if too_long {
                error(&format!("is longer than {MAX_LINE} bytes"))
            } else {
                match std::str::from_utf8(&line) {
                    Ok(text) => evaluate_json(text, &mut |_| {}),
                    Err(_) => error("is not UTF-8 text"),
                }
            };
            self.lines += 1;
            self.failed += u64::from(answer.starts_with("{\"error\""));
            self.out.write_all(answer.as_bytes())?;
            self.out.write_all(b"\n")?;
            if self.show_progress && self.lines.is_multiple_of(10_000) {
                eprint!("\r{} lines, {} failed", self.lines, self.failed);
            }
        }
    }

    fn finish(mut self, result: io::Result<()>) -> ExitCode {
        let result = result.and_then(|()| self.out.flush());
        if self.show_progress && self.lines >= 10_000 {
            eprintln!("\r{} lines, {} failed", self.lines, self.failed);
        }
        match result {
            // A reader that went away (`| head`) is no fault of ours.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("headroom: {e}");
                ExitCode::from(2)
            }
            Ok(()) if self.failed > 0 => ExitCode::from(1),
            Ok(()) => ExitCode::SUCCESS,
        }
    }
}

/// A line the engine was not asked about. The engine writes `error` first, so a failed answer is known by its start.
fn error(message: &str) -> String {
    serde_json::json!({"error": {"code": "invalid_input", "field": "request", "message": message}}).to_string()
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |i| i + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
