"""The columns that statements share."""

from shared.finance.report import Column, Kind

COST_CENTER = Column("cost_center", "Cost center")
TEAM = Column("team", "Team")
APPLICATION = Column("application", "Application")
USER = Column("user", "User")
MODEL = Column("model", "Model")
CHARGE = Column("charge", "Charge")
REQUESTS = Column("requests", "Requests", Kind.INTEGER)
INPUT = Column("input_tokens", "Input tokens", Kind.INTEGER)
OUTPUT = Column("output_tokens", "Output tokens", Kind.INTEGER)
ENTRIES = Column("entries", "Ledger entries", Kind.INTEGER)
UNPRICED = Column("unpriced", "Without a price", Kind.INTEGER)
COST = Column("cost", "Cost", Kind.MONEY)
SHARE = Column("share", "Share", Kind.PERCENT)
DATE = Column("date", "Day", Kind.DATE)

COUNTS = {"requests": "requests", "cost": "cost"}
BOOKED = {**COUNTS, "entries": "entries", "unpriced": "unpriced"}
"""Columns by the sums of the ledger that they must come to."""
