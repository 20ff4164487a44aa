"""Judge runs, their claims, and scorings by automatic metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("verdicts") as table:
        table.add_column(sa.Column("item", sa.String(length=64), nullable=True))
        table.create_index("ix_verdicts_study_id_item", ["study_id", "item"])
    op.create_table(
        "judge_runs",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_judge_runs_study_id_studies"),
        sa.PrimaryKeyConstraint("run_id", name="pk_judge_runs"),
    )
    op.create_index("ix_judge_runs_study_id", "judge_runs", ["study_id"])
    op.create_table(
        "claims",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_claims_study_id_studies"),
        sa.ForeignKeyConstraint(["run_id"], ["judge_runs.run_id"], name="fk_claims_run_id_judge_runs"),
        sa.PrimaryKeyConstraint("study_id", "item", name="pk_claims"),
    )
    op.create_index("ix_claims_run_id", "claims", ["run_id"])
    op.create_table(
        "scores",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.study_id"], name="fk_scores_study_id_studies"),
        sa.PrimaryKeyConstraint("study_id", "name", name="pk_scores"),
    )


def downgrade() -> None:
    op.drop_table("scores")
    op.drop_table("claims")
    op.drop_table("judge_runs")
    with op.batch_alter_table("verdicts") as table:
        table.drop_index("ix_verdicts_study_id_item")
        table.drop_column("item")
