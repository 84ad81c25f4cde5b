//! The index of words.

use super::*;
use crate::chat::archive::SearchPlaces;

fn search(stage: &mut Stage, places: SearchPlaces, words: &str, before: Option<u64>) -> Vec<u64> {
    let answer = stage.ask(Question::Search {
        places,
        words: words.into(),
        before: before.map(LineId),
        up_to: LineId(1000),
        limits: BIG,
        without: Vec::new(),
        reader: None,
    });
    match answer {
        Answer::Page { lines, .. } => ids(&lines),
        other => panic!("{other:?}"),
    }
}

fn in_room(stage: &mut Stage, words: &str) -> Vec<u64> {
    search(stage, SearchPlaces::One(ROOM), words, None)
}

fn with_search(is_on: bool) -> Stage {
    let mut stage = Stage::with(|settings| settings.search = is_on);
    let mut last = None;
    for (id, place, text) in [
        (1, ROOM, "The quick brown fox"),
        (2, PlaceId::room(2), "quick thinking"),
        (
            3,
            ROOM,
            "Größe is not QUICK, it's \"big\" -- a.b*c NEAR here",
        ),
        (4, pair(1, 2), "quick question"),
        (5, pair(2, 3), "quick secret"),
        (6, ROOM, "naïve p1 p2 text:place"),
    ] {
        last = stage.archive.keep(&line(id, place, 2, text));
    }
    stage.wait_kept(last);
    stage
}

#[test]
fn words_are_found_however_odd_they_are() {
    let mut stage = with_search(true);
    for (words, expected) in [
        ("quick", &[1, 3][..]),
        ("QUICK", &[1, 3]),
        ("quick fox", &[1]),
        ("fox quick", &[1]),
        ("qui", &[]),
        ("qui*", &[]),
        ("größe", &[3]),
        ("grosse", &[]),
        ("groSSe grosse", &[]),
        ("naive", &[6]),
        ("a.b", &[3]),
        ("a-b", &[3]),
        ("-quick", &[1, 3]),
        ("\"big\"", &[3]),
        ("it's", &[3]),
        ("NEAR", &[3]),
        ("NEAR(quick, big)", &[3]),
        ("NOT quick", &[3]),
        ("quick OR fox", &[]),
        ("text:place", &[6]),
        ("{text}", &[6]),
        ("^quick", &[1, 3]),
        ("+quick", &[1, 3]),
        ("p1", &[6]),
        ("", &[]),
        ("   ", &[]),
        ("- . \" * ( )", &[]),
        ("\u{1f44b}", &[]),
        ("कि", &[]),
        ("किक", &[]),
    ] {
        assert_eq!(in_room(&mut stage, words), expected, "{words:?}");
    }
}

#[test]
fn words_are_searched_for_only_where_one_may_read() {
    let mut stage = with_search(true);
    let all = |rooms: &[PlaceId]| SearchPlaces::All {
        rooms: rooms.to_vec(),
        account: account(1),
    };
    assert_eq!(search(&mut stage, all(&[ROOM]), "quick", None), [1, 3, 4]);
    assert_eq!(search(&mut stage, all(&[]), "quick", None), [4]);
    assert_eq!(search(&mut stage, all(&[ROOM]), "quick", Some(4)), [1, 3]);
    let answer = stage.ask(Question::Search {
        places: all(&[ROOM]),
        words: "quick".into(),
        before: None,
        up_to: LineId(3),
        limits: PageLimits {
            lines_max: 1,
            ..BIG
        },
        without: Vec::new(),
        reader: None,
    });
    assert!(
        matches!(&answer, Answer::Page { lines, end: false } if ids(lines) == [3]),
        "{answer:?}"
    );
    // More conversations than anybody has.
    let rooms: Vec<_> = (1..3000).map(PlaceId::room).collect();
    assert_eq!(search(&mut stage, all(&rooms), "quick", None), [1, 2, 3, 4]);
}

#[test]
fn index_is_filled_when_it_is_switched_on_and_gone_when_it_is_off() {
    let mut stage = with_search(false);
    assert!(!stage.archive.has_search());
    assert!(in_room(&mut stage, "quick").is_empty());
    let (mut stage, _) = stage.reopen_with(|settings| settings.search = true);
    assert!(stage.archive.has_search());
    assert_eq!(in_room(&mut stage, "quick"), [1, 3]);
    stage.keep(&line(7, ROOM, 1, "quick again"));
    assert_eq!(in_room(&mut stage, "quick"), [1, 3, 7]);
    let (mut stage, _) = stage.reopen();
    assert_eq!(in_room(&mut stage, "quick"), [1, 3, 7]);
    let (mut stage, _) = stage.reopen_with(|settings| settings.search = false);
    assert!(in_room(&mut stage, "quick").is_empty());
    stage.keep(&line(8, ROOM, 1, "quick"));
    let (mut stage, _) = stage.reopen_with(|settings| settings.search = true);
    assert_eq!(in_room(&mut stage, "quick"), [1, 3, 7, 8]);
}
