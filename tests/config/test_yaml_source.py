import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paribus.config.yaml_source import parse_override, read_yaml
from paribus.errors import ConfigError, InputMissingError


@pytest.fixture
def read(tmp_path):
    def make(text):
        path = tmp_path / "c.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_yaml(path)

    return make


def refusal(read, text):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_every_key_has_its_line(read):
    source = read("a: 1\nb:\n  c: 2\n\n  d: {e: 3}\n")
    assert source.values == {"a": 1, "b": {"c": 2, "d": {"e": 3}}}
    assert source.lines == {"a": 1, "b": 2, "b.c": 3, "b.d": 5, "b.d.e": 5}
    assert source.place(("b", "c")).endswith("c.yaml:3")
    assert source.place(("b", "d", "unknown")).endswith("c.yaml:5")


def test_a_byte_order_mark_and_crlf_are_read(read):
    assert read(b"\xef\xbb\xbfa: 1\r\nb: two\r\n").values == {"a": 1, "b": "two"}


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: 1\na: 2\n", 2, 'the key "a" twice'),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 'the key "c" twice'),
        ("a: &x 1\n", 1, "an anchor or alias"),
        ("a: 1\nb: *x\n", 2, "an anchor or alias"),
        ("a: 1\nb: <<\n", 2, "<<, which stands for another value"),
        ("a: {<<: {b: 1}}\n", 1, "<<, which stands for another value"),
        ("<<: {a: 1}\n", 1, "<<, which stands for another value"),
        ("a: !!python/object:os.system 1\n", 1, "python/object:os.system"),
        ("a: !mine [1]\n", 1, "the tag !mine"),
        ("a: !!str 1\n", 1, "the tag tag:yaml.org,2002:str"),
        ("%YAML 1.1\n---\na: yes\n", 2, "a directive"),
        ("a: " + "[" * 20 + "]" * 20, 1, "more than 16 levels"),
        ("a: [" + "1, " * 6000 + "]", 1, "more than 5000 of them"),
        ("a: [1\n", 2, "expected YAML, found the end of the text. Close its brackets and quotes"),
        ("a: 1\n---\nb: 1\n", 2, "expected YAML, found a second document"),
        ("a: 1\n b: 2\n", 2, "expected YAML, found a : behind a value. Check the indentation"),
        ("\ta: 1\n", 1, "expected YAML, found a tab. Indent with spaces"),
    ],
)
def test_what_is_more_than_plain_keys_and_values_is_refused_with_its_line(read, text, line, found):
    message = refusal(read, text)
    assert f"c.yaml:{line}: expected" in message
    assert found.replace('"', "") in message.replace('"', "").replace("'", "")


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "word\n", "3\n"])
def test_what_is_no_mapping_is_refused(read, text):
    assert "expected keys with values" in refusal(read, text)


def test_a_key_that_is_no_name_is_refused(read):
    assert "c.yaml:2: expected a name as key, found 3" in refusal(read, "a: 1\n3: 4\n")


def test_a_key_with_a_line_end_is_one_line(read):
    message = refusal(read, 'a: 1\n"b\\nerror: c": 4\n')
    assert "c.yaml:2: expected a name as key, found 'b\\nerror: c'" in message


def test_a_dotted_key_in_a_file_is_refused_with_how_to_write_it(read):
    message = refusal(read, "a: 1\nmodel.d_model: 32\n")
    assert "c.yaml:2: expected a section, found 'model.d_model'" in message
    assert message.endswith("Write model: {d_model: ...}")


@pytest.mark.parametrize("text", ["a=<<", "a\nb=1"])
def test_an_override_is_no_merge_and_one_line(text):
    with pytest.raises(ConfigError, match="expected") as caught:
        parse_override(text)
    assert str(caught.value).isprintable()


def test_two_documents_are_refused(read):
    assert "c.yaml" in refusal(read, "a: 1\n---\nb: 2\n")


def test_bytes_that_are_no_text_are_refused(read):
    assert "expected UTF-8 text, found byte 3" in refusal(read, b"a: \xff\n")


def test_a_large_file_is_refused_before_it_is_read(read):
    start = time.monotonic()
    assert "expected at most 65536 bytes" in refusal(read, b"a: " + b"x" * (1 << 20))
    assert time.monotonic() - start < 1


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputMissingError):
        read_yaml(tmp_path / "absent.yaml")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        read_yaml(path)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=3e-4", {"a": {"b": {"c": 3e-4}}}),
        ("a=null", {"a": None}),
        ("a=[1, two]", {"a": [1, "two"]}),
        ("a=true", {"a": True}),
        ("a=b=c", {"a": "b=c"}),
        ("a='3'", {"a": "3"}),
        ("a=20 minutes", {"a": "20 minutes"}),
        ("a=/some/path.x", {"a": "/some/path.x"}),
    ],
)
def test_overrides_are_yaml_values(text, values):
    assert parse_override(text).values == values


@pytest.mark.parametrize(
    "text",
    ["a", "a=", "a= ", "=1", "--a=1", "a={b: 1}", "a=[1", "a=&x 1", "a=!!str 1", "a=*x"],
)
def test_an_override_that_means_nothing_is_refused_in_one_line(text):
    with pytest.raises(ConfigError) as caught:
        parse_override(text).values["a"].strip()
    assert len(str(caught.value).splitlines()) == 1
