"""Changes: what is new, other or gone, and since when each object is as it is."""

from datetime import date

from millrace_museum.outputs.changes import Changes, Published, compare

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


def test_at_first_publication_all_is_added_and_nothing_has_a_date() -> None:
    published, changes = compare({"b": "1", "a": "2"}, None, MONDAY)

    assert published == {"b": Published("1", None), "a": Published("2", None)}
    assert changes == Changes(added=["a", "b"])


def test_what_is_unchanged_keeps_its_date() -> None:
    previous = {"a": Published("1", None), "b": Published("2", MONDAY)}

    published, changes = compare({"a": "1", "b": "2"}, previous, TUESDAY)

    assert published == previous
    assert changes.counts == {"added": 0, "changed": 0, "removed": 0}


def test_what_changed_or_came_has_the_runs_date() -> None:
    previous = {"a": Published("1", MONDAY), "gone": Published("9", None)}

    published, changes = compare({"new": "5", "a": "2"}, previous, TUESDAY)

    assert published == {"new": Published("5", TUESDAY), "a": Published("2", TUESDAY)}
    assert changes == Changes(added=["new"], changed=["a"], removed=["gone"])
    assert changes.counts == {"added": 1, "changed": 1, "removed": 1}


def test_what_is_remembered_stands_in_the_order_of_the_documents() -> None:
    published, _ = compare({"c": "1", "a": "1", "b": "1"}, {"a": Published("1", None)}, MONDAY)

    assert list(published) == ["c", "a", "b"]


def test_the_same_run_twice_says_the_same() -> None:
    previous = {"a": Published("1", None)}

    assert compare({"a": "2"}, previous, MONDAY) == compare({"a": "2"}, previous, MONDAY)


def test_an_object_that_comes_back_is_added() -> None:
    first, _ = compare({"a": "1", "b": "1"}, None, MONDAY)
    second, _ = compare({"a": "1"}, first, MONDAY)

    third, changes = compare({"a": "1", "b": "1"}, second, TUESDAY)

    assert changes.added == ["b"]
    assert third["b"] == Published("1", TUESDAY)


def test_a_publication_after_an_empty_one_is_no_first_one() -> None:
    published, _ = compare({"a": "1"}, {}, MONDAY)

    assert published["a"].changed_on == MONDAY
