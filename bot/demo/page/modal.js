// Shows a bot's modal as a dialog and gathers what the person put in; sends nothing itself.

import { Choice } from "./choice.js";
import { selectable } from "./components.js";
import { fresh, h } from "./dom.js";
import { avatar, icon, nameOf } from "./icons.js";
import { markdown } from "./markdown.js";

/** Opens `modal` (Discord JSON). `submit(values)` gets {custom_id: text | list | boolean | Files} and may reject. */
export function openModal(modal, { store, submit, closed }) {
  const fields = [];
  const error = h("p.modal-error", { role: "alert" });
  const body = h(
    "div.modal-body",
    {},
    modal.components.map((component) => top(component, fields, store)),
  );
  const send = h(
    "button.button.primary",
    { type: "submit" },
    h("span.face", {}, "Submit"),
    h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")),
  );
  const heading = fresh("modal");
  const form = h(
    "form.modal-form",
    { novalidate: true, onsubmit: sendForm },
    h(
      "header.modal-head",
      {},
      avatar(store.bot ?? { bot: true }, 28),
      h("h2", { id: heading }, modal.title),
      h("button.plain", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close")),
    ),
    body,
    h("p.modal-note", {}, `This form goes to ${nameOf(store.bot)}.`),
    error,
    h(
      "footer.modal-foot",
      {},
      h("button.button.quiet", { type: "button", onclick: () => dialog.close() }, h("span.face", {}, "Cancel")),
      send,
    ),
  );
  const dialog = h(
    "dialog.modal",
    {
      "aria-labelledby": heading,
      onclose: () => {
        dialog.remove();
        closed?.();
      },
    },
    form,
  );
  document.body.append(dialog);
  dialog.showModal();
  (body.querySelector("textarea, input:not([type=file]), button") ?? send).focus();
  // Ctrl+Enter sends from inside a long text, where Enter makes a new line
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  async function sendForm(event) {
    event.preventDefault();
    let wrong = null;
    for (const field of fields) {
      const trouble = field.check();
      field.complain(trouble);
      if (trouble && !wrong) wrong = field;
    }
    if (wrong) {
      wrong.focus();
      return;
    }
    send.classList.add("waiting");
    send.disabled = true;
    error.textContent = "";
    try {
      await submit(Object.fromEntries(fields.map((field) => [field.id, field.value()])));
      dialog.close();
    } catch (problem) {
      error.textContent = `Something went wrong. ${problem.message}`;
    } finally {
      send.classList.remove("waiting");
      send.disabled = false;
    }
  }
  return dialog;
}

function top(component, fields, store) {
  if (component.type === 10) return h("div.modal-text", {}, markdown(component.content, store.names()));
  if (component.type === 18)
    return field(component.component, { label: component.label, description: component.description }, fields, store);
  if (component.type === 1)
    return component.components.map((child) =>
      field(child, { label: child.label ?? child.placeholder ?? "" }, fields, store),
    );
  return h("p.unknown", {}, `This page does not know modal component type ${component.type}.`);
}

function field(component, { label, description }, fields, store) {
  const id = fresh("field");
  const required = component.required ?? true;
  const trouble = h("p.field-error", { id: `${id}-error` });
  const control = controls(component, { id, label, required, store, describedby: `${id}-about ${id}-error` });
  fields.push({
    id: component.custom_id,
    value: control.value,
    check: () => control.check(required),
    focus: control.focus,
    complain: (words) => {
      trouble.textContent = words ?? "";
      wrapper.classList.toggle("wrong", Boolean(words));
    },
  });
  const star = required && component.type !== 23 ? h("span.star", { "aria-hidden": "true" }, " *") : null;
  const group = [21, 22].includes(component.type);
  const name = h(
    group || !control.labelled ? "div.field-label" : "label.field-label",
    { for: control.labelled ? id : null, id: `${id}-label` },
    label,
    star,
  );
  const wrapper = h(
    "div.field",
    group ? { role: "group", "aria-labelledby": `${id}-label` } : {},
    name,
    description ? h("p.field-about", { id: `${id}-about` }, description) : null,
    control.element,
    trouble,
  );
  return wrapper;
}

function controls(component, { id, label, required, store, describedby }) {
  switch (component.type) {
    case 4:
      return textInput(component, id, describedby, required);
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return selectInput(component, label, store, describedby);
    case 19:
      return fileInput(component, id, describedby);
    case 21:
      return optionGroup(component, id, "radio");
    case 22:
      return optionGroup(component, id, "checkbox");
    case 23:
      return checkbox(component, id, label);
    default:
      return {
        element: h("p.unknown", {}, `This page does not know component type ${component.type}.`),
        value: () => null,
        check: () => null,
        focus() {},
        labelled: false,
      };
  }
}

function textInput(component, id, describedby, required) {
  const long = component.style === 2;
  const most = component.max_length ?? 4000;
  const count = h("span.count", { "aria-hidden": "true" });
  const input = h(long ? "textarea.input" : "input.input", {
    id,
    value: component.value ?? "",
    maxlength: most,
    placeholder: component.placeholder ?? "",
    rows: long ? 5 : null,
    type: long ? null : "text",
    "aria-describedby": describedby,
    "aria-required": String(required),
    autocomplete: "off",
    oninput: tick,
  });
  function tick() {
    count.textContent =
      component.max_length !== undefined || input.value.length > most * 0.8 ? `${input.value.length}/${most}` : "";
  }
  tick();
  return {
    element: h("div.input-box", {}, input, count),
    labelled: true,
    value: () => input.value,
    focus: () => input.focus(),
    check: (must) => {
      if (!input.value) return must ? "This field is required." : null;
      if (component.min_length && input.value.length < component.min_length)
        return `Must be at least ${component.min_length} characters.`;
      return null;
    },
  };
}

function selectInput(component, label, store, describedby) {
  const choice = new Choice(component, {
    options: selectable(component, store, store.current),
    label: component.placeholder || label || "Make a selection",
    changed() {},
    immediate: false,
    describedby,
  });
  return {
    element: choice.element,
    labelled: false,
    value: () => choice.values,
    focus: () => choice.button.focus(),
    check: (must) => {
      if (!choice.values.length) return must ? "Please choose." : null;
      return choice.values.length < choice.min ? `Choose at least ${choice.min}.` : null;
    },
  };
}

function fileInput(component, id, describedby) {
  let files = [];
  const most = component.max_values ?? 1;
  const least = component.min_values ?? 1;
  const list = h("div.upload-list");
  const input = h("input.upload-input", {
    type: "file",
    id,
    multiple: most > 1,
    "aria-describedby": describedby,
    onchange: () => {
      add(input.files);
      input.value = "";
    },
  });
  const zone = h(
    "div.upload",
    {
      ondragover: (event) => {
        event.preventDefault();
        event.stopPropagation();
        zone.classList.add("over");
      },
      ondragleave: () => zone.classList.remove("over"),
      ondrop: (event) => {
        event.preventDefault();
        event.stopPropagation();
        zone.classList.remove("over");
        add(event.dataTransfer.files);
      },
    },
    input,
    h("label.upload-label", { for: id }, icon("plus"), h("span", {}, "Drop a file here or ", h("u", {}, "browse"))),
    list,
  );
  zone.addEventListener("paste", (event) => add(event.clipboardData.files));
  function add(more) {
    files = [...files, ...more].slice(-most);
    draw();
  }
  function draw() {
    list.replaceChildren(
      ...files.map((file) =>
        h(
          "div.upload-item",
          {},
          file.type.startsWith("image/") ? thumbnail(file) : icon("file"),
          h("span", {}, file.name),
          h(
            "button.plain",
            {
              type: "button",
              "aria-label": `Remove ${file.name}`,
              onclick: () => {
                files = files.filter((one) => one !== file);
                draw();
                input.focus();
              },
            },
            icon("close"),
          ),
        ),
      ),
    );
  }
  return {
    element: zone,
    labelled: true,
    value: () => files,
    focus: () => input.focus(),
    check: (must) => {
      if (!files.length) return must ? "Please add a file." : null;
      return files.length < least ? `Add at least ${least} files.` : null;
    },
  };
}

function optionGroup(component, id, kind) {
  const inputs = component.options.map((option, index) =>
    h("input", { type: kind, name: id, id: `${id}-${index}`, value: option.value, checked: Boolean(option.default) }),
  );
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const most = component.max_values ?? component.options.length;
  return {
    element: h(
      "div.options",
      {},
      component.options.map((option, index) =>
        h(
          "label.option",
          { for: `${id}-${index}` },
          inputs[index],
          h("span", {}, option.label, option.description ? h("small", {}, option.description) : null),
        ),
      ),
    ),
    labelled: false,
    value: () => (kind === "radio" ? (chosen()[0] ?? null) : chosen()),
    focus: () => inputs[0]?.focus(),
    check: (must) => {
      const count = chosen().length;
      if (!count) return must ? "Please choose." : null;
      if (kind === "checkbox" && count < (component.min_values ?? 1))
        return `Choose at least ${component.min_values}.`;
      if (kind === "checkbox" && count > most) return `Choose at most ${most}.`;
      return null;
    },
  };
}

function checkbox(component, id, label) {
  const input = h("input", { type: "checkbox", id, checked: Boolean(component.default), "aria-label": label });
  return {
    element: h("div.options", {}, h("label.option", { for: id }, input, h("span", {}, "Yes"))),
    labelled: true,
    value: () => input.checked,
    focus: () => input.focus(),
    check: () => null,
  };
}

/** A small preview of a file that has not been sent yet. */
export function thumbnail(file) {
  const url = URL.createObjectURL(file);
  return h("img.thumb", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) });
}
