"""The operations on money and use: the second part of the table."""

from shared.management import (
    adjustments,
    dead_letters,
    forecast,
    ledger,
    notices,
    periods,
    reconciliation,
    reports,
    sessions,
)
from shared.management import session_answers as told
from shared.management import spending_answers as answers
from shared.management.authority import EVERYBODY, MEMBERS, OPERATORS, READERS, TEAM_READERS, TEAM_WRITERS
from shared.management.call import Operation
from shared.management.requests import Paging
from shared.management.spending import CostQuery, EntryChoice, EntryQuery, ExportQuery, Filter, ForecastQuery, Span

_LEDGER = (
    Operation(
        "getCosts", "GET", "costs", "Add up what was spent and used, by up to three dimensions.", EVERYBODY,
        ledger.costs, answers.CostsAnswer, query=CostQuery,
    ),
    Operation(
        "getCostSummary", "GET", "costs/summary", "Read the whole of what was spent, and its dearest parts.", EVERYBODY,
        ledger.summary, answers.CostSummary, query=Filter,
    ),
    Operation(
        "getLatency", "GET", "usage/latency", "Read how long calls took, and which errors there were.", EVERYBODY,
        ledger.latency, answers.LatencyAnswer, query=CostQuery,
    ),
    Operation(
        "getForecast", "GET", "forecast", "Read what the month will cost in the end, with an interval.", EVERYBODY,
        forecast.month_end, forecast.ForecastAnswer, query=ForecastQuery,
    ),
    Operation(
        "listEntries", "GET", "entries", "List the entries of the ledger that figures are made of.", EVERYBODY,
        ledger.entries, answers.EntryAnswer, query=EntryQuery, is_list=True,
    ),
    Operation(
        "getEntry", "GET", "entries/{entry}", "Read an entry of the ledger.", EVERYBODY, ledger.entry,
        answers.EntryAnswer, query=EntryChoice,
    ),
    Operation(
        "exportEntries", "GET", "export/entries", "Read entries in pages, or all at once, one a line.", READERS,
        ledger.export, answers.EntryAnswer, query=ExportQuery, is_list=True, gives="application/x-ndjson",
    ),
    Operation(
        "getUnpriced", "GET", "unpriced", "List what has no price yet.", READERS, ledger.unpriced,
        answers.UnpricedAnswer, query=Span,
    ),
    Operation(
        "postAdjustment", "POST", "adjustments", "Post a correction or a credit beside what is in the ledger.", OPERATORS,
        adjustments.adjust, answers.EntryAnswer, request=adjustments.AdjustmentRequest,
    ),
    Operation(
        "rerate", "POST", "rerate", "Price again what has no price, or had another; the difference is posted.", OPERATORS,
        adjustments.rerate, adjustments.RerateAnswer, request=adjustments.RerateRequest,
    ),
)  # fmt: skip

_BOOKS = (
    Operation("listPeriods", "GET", "periods", "List reporting months.", READERS, periods.periods, periods.PeriodList),
    Operation(
        "getPeriod", "GET", "periods/{period}", "Read a month: what it was closed with, and what was adjusted since.",
        READERS, periods.period, periods.PeriodDetail,
    ),
    Operation(
        "closePeriod", "POST", "periods/{period}/close", "Lock a month; it is closed once everything in it is proved.",
        OPERATORS, periods.close, periods.PeriodAnswer, request=periods.Closing, may_be_empty=True,
    ),
    Operation(
        "listReconciliation", "GET", "reconciliation", "List what was found last of each part of the ledger.", READERS,
        reconciliation.results, reconciliation.FindingList, query=reconciliation.MonthChoice,
    ),
    Operation(
        "runReconciliation", "POST", "reconciliation/run", "Prove the ledger of a month, and put right what is not.",
        OPERATORS, reconciliation.run, reconciliation.Reconciled, request=reconciliation.ReconcileRequest,
    ),
    Operation(
        "importAzureCosts", "POST", "reconciliation/azure-costs", "Take in an export of what Azure bills.", OPERATORS,
        reconciliation.take_costs, reconciliation.ImportList, takes="text/csv",
    ),
    Operation(
        "compareAzureCosts", "GET", "reconciliation/azure-costs/{month}", "Hold what Azure bills against the ledger.",
        READERS, reconciliation.compare, reconciliation.CostComparison,
    ),
)  # fmt: skip

_REPORTS = (
    Operation(
        "listReportDefinitions", "GET", "reports/definitions", "List the reports that there are.", READERS,
        reports.definitions, reports.Definitions,
    ),
    Operation(
        "startReport", "POST", "reports/runs", "Start to make a report.", OPERATORS, reports.start, reports.RunAnswer,
        202, reports.ReportRequest,
    ),
    Operation(
        "listReportRuns", "GET", "reports/runs", "List the runs of reports, newest first.", READERS, reports.runs,
        reports.RunAnswer, query=Paging, is_list=True,
    ),
    Operation(
        "getReportRun", "GET", "reports/runs/{run}", "Read how far a run is, and which files it made.", READERS,
        reports.run, reports.RunAnswer,
    ),
    Operation(
        "reproduceReport", "POST", "reports/runs/{run}/reproduce", "Start to make a report again, and compare the two.",
        OPERATORS, reports.reproduce, reports.RunAnswer, 202,
    ),
    Operation(
        "getReportFile", "GET", "reports/runs/{run}/files/{file}", "Download a file of a report.", READERS, reports.file,
        None, gives="application/octet-stream",
    ),
    Operation(
        "listNotices", "GET", "notices", "List what people were told, newest first.", TEAM_READERS, notices.notices,
        notices.NoticeAnswer, query=Paging, is_list=True,
    ),
    Operation(
        "listDeliveries", "GET", "deliveries", "List what became of each notice on each channel, newest first.", READERS,
        notices.deliveries, notices.DeliveryAnswer, query=Paging, is_list=True,
    ),
    Operation(
        "retryDelivery", "POST", "deliveries/retry", "Deliver a notice again.", OPERATORS, notices.retry,
        notices.DeliveryAnswer, request=notices.DeliveryChoice,
    ),
    Operation(
        "listChannels", "GET", "channels", "List the channels that notices can go over.", READERS, notices.channels,
        notices.ChannelList,
    ),
    Operation(
        "testChannel", "POST", "channels/{channel}/test", "Send a test notice over a channel.", OPERATORS, notices.test,
        notices.Tried,
    ),
    Operation(
        "listDeadLetters", "GET", "dead-letters", "List messages that no job could work with.", READERS,
        dead_letters.letters, dead_letters.LetterAnswer, query=Paging, is_list=True,
    ),
    Operation(
        "getDeadLetter", "GET", "dead-letters/{queue}/{letter}", "Read such a message.", READERS, dead_letters.letter,
        dead_letters.LetterAnswer,
    ),
    Operation(
        "checkDeadLetter", "POST", "dead-letters/{queue}/{letter}/check", "Say whether a corrected message would do.",
        OPERATORS, dead_letters.check, dead_letters.LetterAnswer, request=dead_letters.Correction,
    ),
    Operation(
        "replayDeadLetter", "POST", "dead-letters/{queue}/{letter}/replay", "Send the message again, corrected or as it is.",
        OPERATORS, dead_letters.replay, None, 204, dead_letters.Replay, may_be_empty=True,
    ),
    Operation(
        "discardDeadLetter", "DELETE", "dead-letters/{queue}/{letter}", "Give the message up for good.", OPERATORS,
        dead_letters.discard, None, 204,
    ),
)  # fmt: skip

_SESSIONS = (
    Operation(
        "listSessions", "GET", "sessions", "List sessions with their labels, newest first.", EVERYBODY, sessions.sessions,
        told.SessionAnswer, query=sessions.SessionQuery, is_list=True,
    ),
    Operation(
        "classifySessions", "POST", "transformation/classify", "Group and label the calls of some days.", OPERATORS,
        sessions.classify, told.ClassifiedAnswer, request=sessions.ClassifyRequest,
    ),
    Operation(
        "getScores", "GET", "transformation/scores", "Read how agentic the work of people is, week by week.", EVERYBODY,
        sessions.scores, told.ScoresAnswer, query=sessions.PeopleQuery,
    ),
    Operation(
        "getTeamScores", "GET", "transformation/teams", "Read how agentic the work of teams is, week by week.",
        TEAM_READERS, sessions.teams, told.TeamScores, query=sessions.TeamChoice,
    ),
    Operation(
        "getLeaderboard", "GET", "transformation/leaderboard", "Rank the people and teams that want to be seen.",
        EVERYBODY, sessions.leaderboard, told.Leaderboard,
    ),
    Operation(
        "getBadges", "GET", "transformation/badges", "List what people have earned.", MEMBERS, sessions.badges,
        told.BadgesAnswer, query=sessions.Whose,
    ),
    Operation(
        "getPullRequestCosts", "GET", "transformation/pull-requests", "Read what merged pull requests have cost.",
        TEAM_READERS, sessions.pull_requests, told.WorksAnswer, query=sessions.WorkQuery,
    ),
    Operation(
        "setOwnLeaderboard", "PUT", "me/leaderboard", "Say whether you want to be seen on leaderboards.", EVERYBODY,
        sessions.opt_in, told.OptedAnswer, request=sessions.OptIn,
    ),
    Operation(
        "setTeamLeaderboard", "PUT", "teams/{team}/leaderboard", "Say whether the team wants to be on leaderboards.",
        TEAM_WRITERS, sessions.team_opt_in, told.OptedAnswer, request=sessions.OptIn,
    ),
)  # fmt: skip

SPENDING: tuple[Operation, ...] = (*_LEDGER, *_BOOKS, *_REPORTS, *_SESSIONS)
"""Everything that needs the books; without them none of it exists."""
