from bcdl.data.audit.linking import Links


def test_a_group_is_named_by_its_lowest_member_however_it_was_joined() -> None:
    links = Links(6)
    for one, other in ((4, 5), (5, 2), (1, 3)):
        links.join(one, other)
    assert links.roots().tolist() == [0, 1, 2, 1, 2, 2]


def test_a_long_chain_is_one_group() -> None:
    links = Links(50_000)
    for thing in range(49_999, 0, -1):
        links.join(thing, thing - 1)
    assert not links.roots().any()
