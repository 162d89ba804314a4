"""A course with nbgrader in which cowlab gives the points: copy it into the course's folder (docs/instructors.md)."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - nbgrader gives it

c.CourseDirectory.course_id = "copy-on-write"

# What stands in the place of a solution.
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("Replace this line with your answer.")'}
c.ClearSolutions.text_stub = "*Write your answer here.*"

# Autograde prepares the copies that formgrader and the feedback show. It runs nothing that a student wrote (Execute is
# not in this list), and gives no points (nor is SaveAutoGrades): `cowlab grade --nbgrader` does.
c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
