"""Reports of `cowlab grade`: pure functions from records to text.

records.py      what is known of a submission; JSON lines out and in
spreadsheet.py  the CSV
student.py      the page a student gets
classpage.py    the page a teacher gets, of a lesson; tally.py counts, chart.py draws
played.py       a witness as something to step through
shell.py        what the pages share: no foreign script runs in them, and they fetch nothing
clean.py        what strangers wrote, made safe to show
words.py        what a status means
write.py        all of it into a folder

>>> from cowlab.grading.report import read, write
>>> known = read(open("results.jsonl", encoding="utf-8"))  # doctest: +SKIP
>>> write(Path("reports"), known.records)  # doctest: +SKIP
"""

from cowlab.grading.report.classpage import class_page
from cowlab.grading.report.records import Read, Record, RecordError, TaskRecord, line, read, record
from cowlab.grading.report.spreadsheet import spreadsheet
from cowlab.grading.report.student import student_page
from cowlab.grading.report.write import write

__all__ = ["Read", "Record", "RecordError", "TaskRecord", "class_page", "line", "read"]
__all__ += ["record", "spreadsheet", "student_page", "write"]
