"""The command line: `python -m simulator serve` and `python -m simulator truth FILE`."""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

from simulator.errors import CannotStartError, InvalidInputError, SimulatorError
from simulator.profile import find_profile, load_profile
from simulator.reading import summary
from simulator.server import Options, serve

_EXAMPLES = """examples:
  python -m simulator serve --profile published --port 8900 --seed 7
  python -m simulator serve --profile my.yaml --port 0 --truth truth.jsonl --admin-token-file token
  curl -s localhost:8900/v1/chat/completions -d '{"model": "courtsight-sim:simple", "messages":
      [{"role": "user", "content": "[1] Pasal 5. Setiap orang berhak atas bantuan hukum."}]}'
  curl -s localhost:8900/admin/faults -H "Authorization: Bearer $(cat token)" -d '{"kind": "cut", "share": 0.05}'
  python -m simulator truth truth.jsonl

docs/simulator.md lists profiles, faults and the members of the truth.
"""
_USAGE = 2
_LEAST_TOKEN = 16  # characters


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A stand-in for an LLM provider: OpenAI-compatible, seeded, with faults on command.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="answer until SIGTERM")
    serving.add_argument(
        "--profile", default="published", help="a file, or the name of one that ships (default: published)"
    )
    serving.add_argument("--seed", type=int, default=7, help="decides every draw (default: 7)")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serving.add_argument("--port", type=int, default=8900, help="port to listen on; 0 takes a free one (default: 8900)")
    serving.add_argument("--truth", type=Path, help="write what happened to this file, a JSON line for each request")
    serving.add_argument(
        "--admin-token-file",
        type=Path,
        help="read the admin token from this file, or make one there if it is missing; without, the start line tells it",
    )
    serving.add_argument(
        "--api-key-file", type=Path, help="ask every client for the key in this file (default: any is good)"
    )
    serving.add_argument(
        "--grace-seconds", type=float, default=2.0, help="how long answers may go on after SIGTERM (default: 2)"
    )
    reading = commands.add_parser("truth", help="sum up a truth file")
    reading.add_argument("file", type=Path)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 with one line on standard error when it could not."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "truth":
            print(summary(options.file))
            return 0
        return serve(_options(options))
    except SimulatorError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return _USAGE


def _options(told: argparse.Namespace) -> Options:
    token_file: Path | None = told.admin_token_file
    return Options(
        profile=load_profile(find_profile(told.profile)),
        seed=told.seed,
        host=told.host,
        port=told.port,
        truth=told.truth,
        admin_token=secrets.token_urlsafe(24) if token_file is None else _token(token_file),
        announce_token=token_file is None,
        api_key=None if told.api_key_file is None else _secret(told.api_key_file, "--api-key-file", 1),
        grace_seconds=told.grace_seconds,
    )


def _token(path: Path) -> str:
    """The token in a file; a missing file is made, readable by its owner alone."""
    if not path.exists():
        token = secrets.token_urlsafe(24)
        try:
            path.touch(mode=0o600)
            path.write_text(f"{token}\n", encoding="utf-8")
        except OSError as error:
            raise CannotStartError(
                f"cannot write {path} ({error.strerror}); choose another --admin-token-file"
            ) from None
        return token
    return _secret(path, "--admin-token-file", _LEAST_TOKEN)


def _secret(path: Path, option: str, least: int) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{option}: {path} cannot be read ({error})") from None
    if len(secret) < least or not secret.isascii() or any(letter.isspace() for letter in secret):
        raise InvalidInputError(f"{option}: {path} must hold one word of at least {least} ASCII characters")
    return secret


if __name__ == "__main__":
    sys.exit(main())
