//! Text that would harm a terminal, a log or a parser.
