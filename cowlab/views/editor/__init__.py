"""The PolicyEditor: another decision in one cell of a row, and what that changes in the atlas and within bounds."""
