//! Clients that speak HTTP or TLS: how their first bytes are detected, and the answer that each gets
//! in its own protocol before the connection ends.
//!
//! Detection is also a defence: a web page can make a browser send text of its choice to any port, so
//! no byte after an HTTP request may be read as chat.

/// A protocol that this port does not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignProtocol {
    /// HTTP: a web browser, a scanner.
    Http,
    /// TLS, by the handshake that it starts with.
    Tls,
}

/// The methods of RFC 9110 and RFC 5789, and the first word of HTTP/2's preface.
const METHODS: [&[u8]; 10] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI",
];

/// A fatal alert, `protocol_version`, in the oldest record version (RFC 8446, sections 5.1 and 6).
const TLS_ALERT: &[u8] = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];

const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 85\r\n\
    Connection: close\r\n\
    \r\n\
    This is a chat server, not a web server. Join it from a terminal, with nc or telnet.\n";

impl ForeignProtocol {
    /// The answer in its own protocol.
    #[must_use]
    pub fn answer(self) -> &'static [u8] {
        match self {
            Self::Http => HTTP_ANSWER,
            Self::Tls => TLS_ALERT,
        }
    }
}

/// Whether a connection's first line is an HTTP request. `unfinished`: its end did not come within
/// the limit. The list of methods is open: an unknown one counts if a version follows its target, or if
/// the limit has cut that off.
#[must_use]
pub fn is_http_request(line: &[u8], unfinished: bool) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(space) = memchr::memchr(b' ', line) else {
        return false;
    };
    let (method, rest) = line.split_at(space);
    let target = rest.get(1..).unwrap_or_default();
    if METHODS.contains(&method) {
        return unfinished
            || target.starts_with(b"/")
            || memchr::memmem::find(rest, b" HTTP/").is_some();
    }
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return false;
    }
    let end = memchr::memchr(b' ', target).unwrap_or(target.len());
    let (target, rest) = target.split_at(end);
    let version = rest.strip_prefix(b" ");
    let has_version = version.is_some_and(|version| match version.strip_prefix(b"HTTP/") {
        Some([major] | [major, b'.', _]) => major.is_ascii_digit(),
        _ => false,
    });
    has_version || (unfinished && is_cut_request(method, target, version.unwrap_or_default()))
}

/// Whether a line that the limit has cut begins like a request. The target has to look like one, or
/// long lines of chat would be requests.
fn is_cut_request(method: &[u8], target: &[u8], version: &[u8]) -> bool {
    // A full address is for proxies, after a method in capitals; chat has addresses, too.
    let is_target = target.starts_with(b"/")
        || target == b"*"
        || (!method.iter().any(u8::is_ascii_lowercase)
            && memchr::memmem::find(target, b"://").is_some());
    let (name, number) = version.split_at(version.len().min(b"HTTP/".len()));
    let is_version =
        b"HTTP/".starts_with(name) && matches!(number, [] | [b'0'..=b'9'] | [b'0'..=b'9', b'.']);
    is_target && is_version
}

/// Whether the name of a method may hold this byte (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Watches a connection's first bytes for a TLS handshake record: type 22, version 3.0 to 3.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsDetector(Progress);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Nothing,
    Handshake,
    Major,
    Decided,
}

impl TlsDetector {
    /// Whether the next byte can still make it a TLS client.
    #[must_use]
    pub fn is_undecided(self) -> bool {
        self.0 != Progress::Decided
    }

    /// Takes the next byte. Returns whether it completes the header of a handshake.
    pub fn is_client_hello(&mut self, byte: u8) -> bool {
        let (progress, is_hello) = match (self.0, byte) {
            (Progress::Nothing, 0x16) => (Progress::Handshake, false),
            (Progress::Handshake, 0x03) => (Progress::Major, false),
            (Progress::Major, 0x00..=0x04) => (Progress::Decided, true),
            _ => (Progress::Decided, false),
        };
        self.0 = progress;
        is_hello
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_answer_states_its_length() {
        let text = std::str::from_utf8(HTTP_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
    }

    #[test]
    fn http_request_is_told_from_chat() {
        for line in [
            "GET / HTTP/1.1\r",
            "PRI * HTTP/2.0",
            "CONNECT a:443 HTTP/1.1",
            "PUT /x",
            "PROPFIND / HTTP/1.1",
            "M-SEARCH * HTTP/1.1",
            "get / HTTP/1.1\r",
        ] {
            assert!(is_http_request(line.as_bytes(), false), "{line}");
        }
        for line in [
            "GET the door",
            "#alice",
            "GET",
            "@bob:x see HTTP/1.1",
            "/me speaks HTTP/1.1",
            "what is HTTP/2 for",
            "this is HTTP/x",
            "it is not HTTP/1.1",
            " HTTP/1.1",
        ] {
            assert!(!is_http_request(line.as_bytes(), false), "{line}");
        }
        assert!(is_http_request(
            b"POST http://x/yyyyyyyyyyyyyyyyyyyyy",
            true
        ));
    }

    #[test]
    fn http_request_cut_by_the_limit_is_told_from_long_chat() {
        for line in [
            "PROPFIND /xxxxx",
            "propfind /xxxxx",
            "PROPFIND http://x/yyyyy",
            "PROPFIND /xxxxx ",
            "PROPFIND /xxxxx HT",
            "PROPFIND /xxxxx HTTP/",
            "PROPFIND /xxxxx HTTP/1.",
            "PROPFIND /xxxxx HTTP/1.1",
            "M-SEARCH * H",
        ] {
            assert!(is_http_request(line.as_bytes(), true), "{line}");
        }
        for line in [
            "hello xxxxx",
            "HELLO xxxxx",
            "look http://x/yyyyy",
            "hello *xxxxx",
            "see /usr/bin and xxxxx",
            "see /usr/bin HTTPS",
            "WOW! http://x/yyyyy is xxxxx",
            "@bob:x /yyyyy",
            "PROPFIND",
            " /xxxxx",
        ] {
            assert!(!is_http_request(line.as_bytes(), true), "{line}");
        }
    }
}
