"""A service that does not fit its database says so and ends; more of that in tests/store/test_migrations.py."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from zoe_hub.store.sql import SQLStore
from zoe_hub.store.upgrade import VERSION_TABLE

from .test_service import run


async def test_a_service_that_is_too_old_for_its_database_ends_with_a_sentence(
    any_database: str, tmp_path: Path
) -> None:
    store = SQLStore(any_database)
    await store.open()
    await store.close()
    url = make_url(any_database)
    engine = create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    # Not on the command line: an address may hold a password.
    config = tmp_path / "zoe_config.py"
    config.write_text(f"c.ZoeConfig.database = {any_database!r}\n")
    ended = run(tmp_path / "home", "--config", str(config), "--allow-root")
    assert ended.returncode == 1
    (sentence,) = [line for line in ended.stderr.splitlines() if "schema" in line]
    assert sentence.startswith("zoe-hub: Zoe's database has the schema '9999', made by a newer version of Zoe")
    assert "Traceback" not in ended.stderr
