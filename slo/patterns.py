"""The words that input files may use, as patterns, and what to write where one does not fit."""

from __future__ import annotations

from typing import Final

NAME: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
LABEL_NAME: Final = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
METRIC_NAME: Final = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"
LABEL_VALUE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
COUNTED_VALUE: Final = r"^[0-9A-Za-z][0-9A-Za-z_.-]*$"
"""The same words; that a dot stands for any character makes another mend."""
MATCHED_VALUE: Final = r'^[^"\\\x00-\x1f\x7f]+$'
ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*$"

MENDS: Final = {
    NAME: "write lower-case words joined by hyphens, such as checkout-latency",
    LABEL_NAME: "write letters, digits and _, such as status_code",
    METRIC_NAME: "write letters, digits, _ and :, such as http_requests_total",
    LABEL_VALUE: (
        "begin with a letter or digit, then letters, digits, _ . and -, without spaces: it becomes part of an id; "
        "for other values take group_by, or an SLO with 'where' for each"
    ),
    COUNTED_VALUE: (
        "begin with a letter or digit, then letters, digits, _ . and -, without spaces; a dot stands for any other character"
    ),
    MATCHED_VALUE: "write it without quotes, backslashes and line ends",
    ONE_LINE: "write one line without control characters",
}
"""By pattern: the mend that a problem tells."""
