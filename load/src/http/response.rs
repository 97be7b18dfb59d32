//! Reads the little of an HTTP/1.1 answer that a scenario needs.

use std::ops::Range;

use super::HttpError;

const HEADERS: usize = 64;

/// An answer. Its body lies in the connection's buffer until the next request.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: &'a [u8],
}

/// What the head of an answer says about the rest of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) close: bool,
    pub(crate) chunked: bool,
    /// Where the body lies in the input. Of a chunked one only the start is known.
    pub(crate) body: Range<usize>,
}

/// `None` while the head is not complete.
pub(crate) fn parse_head(input: &[u8], method: &str) -> Result<Option<Head>, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let start = match parsed.parse(input).map_err(|error| HttpError::Malformed(error.to_string()))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(start) => start,
    };
    let status = parsed.code.unwrap_or_default();
    let mut length = None;
    let mut head =
        Head { status, etag: None, close: parsed.version == Some(0), chunked: false, body: start..start };
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            let number =
                value.parse().map_err(|_| HttpError::Malformed(format!("content-length {value:?}")))?;
            length = Some(number);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.close |= value.eq_ignore_ascii_case("close");
        } else if header.name.eq_ignore_ascii_case("etag") {
            head.etag = Some(value.to_owned());
        }
    }
    if method == "HEAD" || status == 204 || status == 304 {
        head.chunked = false;
    } else if !head.chunked {
        let length: usize =
            length.ok_or_else(|| HttpError::Malformed("neither content-length nor chunked".to_owned()))?;
        head.body.end = start + length;
    }
    Ok(Some(head))
}

/// Decodes all of `input` into `body`. `false` while the last chunk is not there.
///
/// It begins anew each time: nearly every answer has a length, and the few that do not are small.
pub(crate) fn decode_chunks(mut input: &[u8], body: &mut Vec<u8>) -> Result<bool, HttpError> {
    body.clear();
    loop {
        let parsed =
            httparse::parse_chunk_size(input).map_err(|_| HttpError::Malformed("chunk size".to_owned()))?;
        let httparse::Status::Complete((start, size)) = parsed else { return Ok(false) };
        let size = usize::try_from(size).map_err(|_| HttpError::Malformed("chunk size".to_owned()))?;
        let end = start.saturating_add(size);
        if input.len() < end.saturating_add(2) {
            return Ok(false);
        }
        if &input[end..end + 2] != b"\r\n" {
            return Err(HttpError::Malformed("a chunk without its end".to_owned()));
        }
        if size == 0 {
            return Ok(true);
        }
        body.extend_from_slice(&input[start..end]);
        input = &input[end + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_complete_or_not_yet() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nETag: W/\"7\"\r\n\r\n{}";
        for end in 0..text.len() - 2 {
            assert_eq!(parse_head(&text[..end], "POST").unwrap(), None, "{end} bytes");
        }
        let head = parse_head(text, "POST").unwrap().unwrap();
        assert_eq!((head.status, head.close, head.chunked), (201, false, false));
        assert_eq!(head.etag.as_deref(), Some("W/\"7\""));
        assert_eq!(&text[head.body], b"{}");
    }

    #[test]
    fn some_answers_have_no_body() {
        for text in
            ["HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"]
        {
            let head = parse_head(text.as_bytes(), "GET").unwrap().unwrap();
            assert!(head.body.is_empty());
            assert_eq!(head.close, text.contains("close"));
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in
            ["SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
        {
            assert!(matches!(parse_head(text.as_bytes(), "GET"), Err(HttpError::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn chunks_are_joined() {
        let text = b"4\r\nabcd\r\n2;x=y\r\nef\r\n0\r\n\r\n";
        let mut body = Vec::new();
        for end in 0..text.len() {
            assert!(!decode_chunks(&text[..end], &mut body).unwrap(), "{end} bytes");
        }
        assert!(decode_chunks(text, &mut body).unwrap());
        assert_eq!(body, b"abcdef");
        assert!(decode_chunks(b"2\r\nabcd\r\n", &mut body).is_err());
    }
}
