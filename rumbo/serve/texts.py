"""The words of the label page in the language in force: the page itself has none."""

from rumbo.core.messages import t


def page_texts() -> dict[str, str]:
    """Key -> text. What stands in braces is filled in by the page."""
    return {
        "progress": t("{labelled} of {items} labelled"),
        "saved": t("saved"),
        "saving": t("saving …"),
        "save_failed": t("not saved: {problem}"),
        "retry": t("Try again"),
        "grid": t("Overview"),
        "one": t("One by one"),
        "help": t("Keys"),
        "close": t("Close"),
        "undo": t("Undo"),
        "redo": t("Redo"),
        "export": t("Export"),
        "exported": t("written to {path}"),
        "next": t("Next"),
        "previous": t("Previous"),
        "next_unlabelled": t("Next without label"),
        "all_labelled": t("Everything shown here has its label."),
        "nothing": t("Nothing matches the filter."),
        "show": t("Show"),
        "show_all": t("all"),
        "show_unlabelled": t("without label"),
        "show_labelled": t("with label"),
        "class": t("Class"),
        "any_class": t("any class"),
        "tag": t("Tag"),
        "any_tag": t("any tag"),
        "search": t("Search names"),
        "classes": t("Classes"),
        "new_class": t("Class by name"),
        "no_class_yet": t("Type a name to make the first class."),
        "advance": t("go on after a class"),
        "boxes": t("Boxes"),
        "new_box": t("New box"),
        "delete": t("Delete"),
        "no_boxes": t("No boxes. Enter confirms that there is nothing."),
        "confirmed_empty": t("Confirmed: there is nothing."),
        "points": t("Points"),
        "point": t("point {number}"),
        "not_set": t("not set"),
        "hidden": t("hidden"),
        "tags": t("Tags"),
        "new_tag": t("New tag"),
        "remove_tag": t("Remove tag {tag}"),
        "label_of": t("Label of {name}: {label}"),
        "position": t("{position} of {count}"),
        "page": t("page {page} of {pages}"),
        "place": t("the example"),
        "filters": t("Filters"),
        "saved_in": t("Each change is saved in {path}; your files stay as they are."),
        "choose_class": t("Choose a class first."),
        "lost": t("The program in the terminal no longer answers."),
        "box_at": t("box {number}: {name}, {width} x {height} px"),
        "moved_to": t("at {x}, {y}"),
        **_key_texts(),
    }


def _key_texts() -> dict[str, str]:
    return {
        "keys_everywhere": t("Everywhere"),
        "keys_boxes": t("Boxes"),
        "keys_points": t("Points"),
        "key_class": t("set the class that the key stands for"),
        "key_new_class": t("class by typing its name"),
        "key_next": t("next"),
        "key_previous": t("previous"),
        "key_next_unlabelled": t("next without label"),
        "key_confirm": t("confirm and go on"),
        "key_tag": t("new tag"),
        "key_undo": t("undo, redo"),
        "key_grid": t("overview, one by one"),
        "key_search": t("search"),
        "key_delete": t("delete"),
        "key_help": t("these keys"),
        "key_box_new": t("new box in the middle"),
        "key_box_next": t("next box, the box before"),
        "key_box_move": t("move the box; with Ctrl by one px"),
        "key_box_size": t("change its size; with Ctrl by one px"),
        "key_box_done": t("the box is right"),
        "key_box_mouse": t("draw, move or resize with the mouse; a click selects"),
        "key_point_start": t("crosshair in the middle"),
        "key_point_move": t("move it; with Ctrl by one px"),
        "key_point_set": t("set the point and go to the next"),
        "key_point_next": t("next point, the point before"),
        "key_point_visible": t("the point is hidden or visible"),
        "key_point_mouse": t("a click sets a point; drag to move it"),
        "mouse": t("mouse"),
        "space": t("space"),
        "arrows": t("arrows"),
    }


def login_texts() -> dict[str, str]:
    """The words of the page that exchanges the code."""
    return {
        "wait": t("One moment …"),
        "ask": t("Open the address that is printed in the terminal, or paste the code or the token here."),
        "code": t("Code or token"),
        "enter": t("Open"),
        "late": t(
            "The code has been used or is older than a minute. The terminal shows a new address; the token is in the "
            "file named there."
        ),
        "cookies": t("The browser did not keep the session; allow cookies for this address."),
    }
