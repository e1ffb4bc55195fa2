from dashtam_tasks.migration.postgresql import counting
from dashtam_tasks.migration.postgresql.counting import Rows

ROWS = (
    Rows(database="shop", schema="public", table="a", rows=1),
    Rows(database="shop", schema="public", table="b", rows=2),
)


def test_tables_with_other_numbers_of_rows_are_named() -> None:
    after = (ROWS[0], Rows(database="shop", schema="public", table="c", rows=0))
    assert counting.changed(ROWS, after) == (
        "shop: public.b: 2 became none",
        "shop: public.c: none became 0",
    )
    assert counting.changed(ROWS, ROWS[::-1]) == ()
