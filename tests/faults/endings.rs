//! Connections that end in each way there is: in mid-line, in mid-answer, before the first read.
