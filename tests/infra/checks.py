"""The checks of one template: resources, modules, parameters, outputs and what each name means."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.infra.bicep import Template
from tests.infra.conventions import conventions
from tests.infra.fitting import problems
from tests.infra.inference import Scope, loop_scope
from tests.infra.shapes import ANY, STRING, Field, Shape, meant
from tests.infra.start import known_at_start
from tests.infra.symbols import symbols
from tests.infra.syntax import Declaration, If, Loop, Object, Property
from tests.infra.workspace import Workspace, body_of

_DEPLOYMENT = {name: Field(ANY) for name in ("parent", "scope", "dependsOn")}
_MODULE = ("name", "params", "scope", "dependsOn", "identity")


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """A fault and how to mend it."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check(template: Template, workspace: Workspace) -> list[Finding]:
    """Return all that is wrong with a template, in the order of its lines."""
    found = {Finding(template.path, fault.line, f"syntax: {fault.message}") for fault in template.faults}
    scope = Scope(workspace, template)
    checks: tuple[Callable[[Scope], Iterator[tuple[int, str]]], ...] = (
        (parameter_file, symbols)
        if template.is_parameters
        else (declared, resources, modules, symbols, known_at_start, conventions)
    )
    for each in checks:
        found |= {Finding(template.path, line, message) for line, message in each(scope)}
    return sorted(found)


def resources(scope: Scope) -> Iterator[tuple[int, str]]:
    """Each resource is of a published type and version, and its body of that type."""
    azure = scope.workspace.azure
    for resource, reference in scope.workspace.resources(scope.template):
        body, shape = body_of(resource.value), azure.shape(reference)
        if shape is None:
            known = azure.versions(reference)
            why = (
                f"known versions: {', '.join(known)}" if known else "the type is not among the published types at hand"
            )
            yield resource.line, f"{reference} is not known: {why}"
        elif azure.name(reference) != reference:
            yield resource.line, f"{reference} is published as {azure.name(reference)}: write it so"
        if body is not None and shape is not None:
            yield from problems(_plain(body), _writable(shape, resource), _inside(resource, scope), resource.name)


def _plain(body: Object) -> Object:
    """The body without the resources inside it."""
    return replace(body, properties=tuple(each for each in body.properties if not isinstance(each, Declaration)))


def _writable(shape: Shape, resource: Declaration) -> Shape:
    if resource.existing:
        return Shape("object", fields={"name": Field(STRING, required=True)} | _DEPLOYMENT)
    return replace(shape, fields=shape.fields | _DEPLOYMENT)


def _inside(declaration: Declaration, scope: Scope) -> Scope:
    value = declaration.value
    while isinstance(value, Loop | If):
        scope = loop_scope(value, scope) if isinstance(value, Loop) else scope
        value = value.body
    return scope


def modules(scope: Scope) -> Iterator[tuple[int, str]]:
    """Each module is there and gets the parameters it asks for, no others."""
    for module in scope.template.of("module").values():
        source, body = scope.workspace.beside(scope.template, module.reference), body_of(module.value)
        if source is None:
            yield module.line, f"the module '{module.reference}' is not there: correct the path or add the file"
        elif body is None:
            yield module.line, f"module {module.name} has no body {{ … }}"
        else:
            known = {name: Field(ANY) for name in _MODULE} | {"params": Field(parameters(scope.workspace, source))}
            if body.get("params") is None:
                body = replace(
                    body, properties=(*body.properties, Property(module.line, "params", Object(module.line, ())))
                )
            yield from problems(body, Shape("object", fields=known), _inside(module, scope), module.name)


def parameters(workspace: Workspace, template: Template) -> Shape:
    """The shape of a template's parameters together."""
    fields = {}
    for name, each in template.of("param").items():
        shape = workspace.parameter(template, each)
        is_nullable = any(option.kind == "null" for option in shape.options)
        fields[name] = Field(shape, required=each.value is None and not is_nullable)
    return Shape("object", fields=fields)


def parameter_file(scope: Scope) -> Iterator[tuple[int, str]]:
    """A file of parameters gives its template all it asks for, and nothing else."""
    using = scope.template.of("using").get("using")
    template = scope.workspace.beside(scope.template, using.reference) if using else None
    if template is None:
        yield (using.line if using else 1), "the template is not there: begin with using '<path of the template>'"
        return
    given = scope.template.of("param").values()
    values = tuple(Property(each.line, each.name, each.value) for each in given if each.value is not None)
    shape = parameters(scope.workspace, template)
    yield from problems(Object(using.line if using else 1, values), shape, scope, "param")


def declared(scope: Scope) -> Iterator[tuple[int, str]]:
    """Defaults and outputs are of the type that is written beside them."""
    for kind in ("param", "output"):
        for name, each in scope.template.of(kind).items():
            if each.value is not None and each.type is not None:
                shape = scope.workspace.parameter(scope.template, each)
                yield from problems(each.value, shape, scope, f"{kind} {name}")
    yield from _declared_twice(scope.template)


def _declared_twice(template: Template) -> Iterator[tuple[int, str]]:
    seen: dict[tuple[str, str], int] = {}
    for each in template.declarations:
        # Outputs have names of their own; all else shares one set of names.
        key = (
            "output" if each.kind in ("output", "metadata") else "",
            f"{each.kind}:{each.name}" if each.kind == "metadata" else each.name,
        )
        if key in seen and each.kind != "import":
            yield each.line, f"'{each.name}' is declared on line {seen[key]} already: {meant(each.name, [])}"
        seen[key] = each.line
