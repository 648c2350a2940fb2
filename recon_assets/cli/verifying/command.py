"""`recon verify`: is a day's evidence what was archived, and does it lead to the same answer? From its folder alone."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from recon_assets.cli.options import WRONG_USAGE, business_date, load_settings

if TYPE_CHECKING:
    from recon_assets.archive.files import Chain, Finding
    from recon_assets.archive.manifest import Manifest
    from recon_assets.cli.verifying.reperform import Performed
    from recon_assets.domain.conclusion import Conclusion

DEFAULT_MEMORY_LIMIT: Final = "1GB"


@dataclass(frozen=True, slots=True)
class Verified:
    """One evidence folder: what is wrong with it, what was proven, and what could not be looked at."""

    folder: Path
    processor: str
    business_date: str
    run_id: str
    version: int
    manifest_sha256: str
    findings: "tuple[Finding, ...]"
    proven: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_proven(self) -> bool:
        """Nothing is wrong, and everything was looked at."""
        return not self.findings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    processor: Annotated[str | None, typer.Argument(help="A processor, such as stripe.")] = None,
    day: Annotated[str | None, typer.Argument(help="The business date, YYYY-MM-DD.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="An evidence folder anywhere, such as a download.", exists=True, file_okay=False),
    ] = None,
    all_versions: Annotated[bool, typer.Option("--all", help="Every archived version, not the newest alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Prove a day's evidence from its folder alone: no database, no network, no configuration but the archived one.

    Every hash, the chain to the archives before and after it, and the day performed again from its raw bytes to the
    same discrepancies. Exit code 1 when anything differs, with the file and, where it can be told, the value.
    """
    folders = [folder] if folder else _folders(processor, day, all_versions=all_versions)
    memory_limit = DEFAULT_MEMORY_LIMIT if folder else load_settings().duckdb_memory_limit
    verified = [verified_folder(one, memory_limit=memory_limit) for one in folders]
    if as_json:
        import msgspec

        document = msgspec.json.encode(verified, enc_hook=str, order="deterministic")
        typer.echo(msgspec.json.format(document, indent=2).decode())
    else:
        for one in verified:
            _print(one)
    raise typer.Exit(0 if all(one.is_proven for one in verified) else 1)


def verified_folder(folder: Path, *, memory_limit: str = DEFAULT_MEMORY_LIMIT) -> Verified:
    """Raises `ArchiveUnreadable` for a folder without a manifest that can be read."""
    import tempfile

    from recon_assets.archive.files import check_chain, check_files
    from recon_assets.archive.manifest import read_manifest
    from recon_assets.cli.verifying.reperform import perform_again

    folder = folder.resolve()
    manifest = read_manifest(folder)
    findings = check_files(folder, manifest)
    chain = check_chain(folder, manifest)
    with tempfile.TemporaryDirectory(prefix="recon-verify-") as made:
        performed = perform_again(folder, manifest, into=Path(made), memory_limit=memory_limit)
    return _verified(folder, manifest, findings, chain, performed)


def _verified(
    folder: Path, manifest: "Manifest", files: "list[Finding]", chain: "Chain", performed: "Performed"
) -> Verified:
    said = manifest.statement
    proven = list(chain.checked)
    if not files:
        proven.insert(
            0, f"{len(manifest.files):,} files have the hashes of the manifest ({manifest.size_bytes:,} bytes)"
        )
    if performed.conclusion is not None:
        proven += _proof_lines(performed.conclusion)
        if not performed.findings:
            proven.append(
                f"performed again from the raw bytes: {performed.conclusion.processor_transactions:,} transactions and"
                f" {performed.conclusion.ledger_entries:,} ledger entries lead to the same"
                f" {sum(performed.conclusion.count_by_class.values()):,} rows and the verdict"
                f" {performed.conclusion.verdict.value}"
            )
    return Verified(
        folder=folder,
        processor=str(said.get("processor", folder.parent.name)),
        business_date=str(said.get("business_date", folder.parent.parent.name)),
        run_id=str(said.get("run_id", folder.name)),
        version=manifest.said("version", int) or 0,
        manifest_sha256=manifest.sha256,
        findings=(*files, *chain.findings, *performed.findings),
        proven=tuple(proven),
        notes=(*chain.unseen, *performed.notes),
    )


def _proof_lines(conclusion: "Conclusion") -> list[str]:
    return [
        f"proof in {proof.currency}: {proof.amount_text(proof.processor_total_minor)} at the processor less"
        f" {proof.amount_text(proof.ledger_total_minor)} in the ledger is"
        f" {proof.amount_text(proof.signed_discrepancies_minor)} of named rows,"
        f" residual {proof.amount_text(proof.residual_minor)}"
        for proof in conclusion.proofs
    ]


def _folders(processor: str | None, day: str | None, *, all_versions: bool) -> list[Path]:
    """The archived versions of a day, the newest last; only that one unless all are asked for."""
    from recon_assets.archive.manifest import MANIFEST, read_manifest
    from recon_assets.domain.errors import EvidenceGone

    if processor is None or day is None:
        _refuse("name a processor and a business date, or an evidence folder with --folder")
    wanted = business_date(day)
    reports = load_settings().archive_dir / "reports"
    found = [path.parent for path in (reports / day / PurePosixPath(processor).name).glob(f"[!.]*/{MANIFEST}")]
    if not found:
        raise EvidenceGone(
            f"there is no evidence of {processor} {wanted} in the archive",
            where=f"reports/{day}/{processor}",
            remedy="Run the day, or name a folder with --folder, such as a copy from the bucket.",
        )
    if len(found) == 1:
        return found
    in_order = sorted(found, key=lambda one: int(read_manifest(one).said("version", int) or 0))
    return in_order if all_versions else in_order[-1:]


def _print(verified: Verified) -> None:
    from rich.markup import escape

    from recon_assets.cli.console import open_console

    console = open_console()

    def line(colour: str, mark: str, text: str) -> None:
        console.print(f"[{colour}]{mark}[/] {escape(text)}", soft_wrap=True)

    console.print(
        f"[bold]{verified.processor} {verified.business_date}[/], version {verified.version}, run {verified.run_id}"
    )
    for text in verified.proven:
        line("green", "ok", text)
    for text in verified.notes:
        line("yellow", "--", text)
    for finding in verified.findings:
        line("red", "WRONG", f"{finding.file} {finding.what}")
    console.print(f"manifest SHA-256 {verified.manifest_sha256}", soft_wrap=True)
    if verified.is_proven:
        console.print("[bold green]proven[/]: the evidence is what was archived, and leads to the same answer")
    else:
        console.print(f"[bold red]not proven[/]: {len(verified.findings)} finding(s)")


def _refuse(sentence: str) -> NoReturn:
    typer.secho(f"recon: {sentence}.", fg="red", err=True)
    raise typer.Exit(WRONG_USAGE)
